package main

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/mod/sumdb/tlog"
)

const (
	tileHeight = 8
	tileWidth  = 1 << tileHeight
	// Larger than any file of a log.
	limit = 32 << 20
)

// A source reads a log's files over HTTP or from a directory. It is a tlog.TileReader.
type source struct {
	from string
	kept map[string][]byte
}

func newSource(from string) *source {
	from = strings.TrimPrefix(strings.TrimSuffix(from, "/"), "file://")
	return &source{from, map[string][]byte{}}
}

func (s *source) read(path string) ([]byte, error) {
	if !strings.Contains(s.from, "://") {
		return os.ReadFile(filepath.Join(s.from, filepath.FromSlash(path)))
	}
	answer, err := http.Get(s.from + "/" + path)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s: %s", path, answer.Status)
	}
	return io.ReadAll(io.LimitReader(answer.Body, limit))
}

// path is that of C2SP tlog-tiles: tlog's own, without the height.
func path(tile tlog.Tile) string {
	return strings.Replace(tile.Path(), fmt.Sprintf("tile/%d/", tileHeight), "tile/", 1)
}

func (s *source) Height() int { return tileHeight }

func (s *source) ReadTiles(tiles []tlog.Tile) ([][]byte, error) {
	all := make([][]byte, len(tiles))
	for i, tile := range tiles {
		at := path(tile)
		data, found := s.kept[at]
		if !found {
			var err error
			if data, err = s.read(at); err != nil {
				return nil, err
			}
		}
		all[i] = data
	}
	return all, nil
}

// SaveTiles is called with tiles that have been found to lead to the root.
func (s *source) SaveTiles(tiles []tlog.Tile, data [][]byte) {
	for i, tile := range tiles {
		s.kept[path(tile)] = data[i]
	}
}

func (s *source) tiles() int { return len(s.kept) }

// bundle reads the entries of bundle n in a tree of that size.
func (s *source) bundle(n, size int64) ([][]byte, error) {
	width := size - n*tileWidth
	if width > tileWidth {
		width = tileWidth
	}
	at := path(tlog.Tile{H: tileHeight, L: 0, N: n, W: int(width)})
	data, err := s.read(strings.Replace(at, "tile/0/", "tile/entries/", 1))
	if err != nil {
		return nil, err
	}
	var entries [][]byte
	for len(data) > 0 {
		if len(data) < 2 || len(data) < 2+int(binary.BigEndian.Uint16(data)) {
			return nil, errors.New("a bundle ends within an entry")
		}
		end := 2 + int(binary.BigEndian.Uint16(data))
		entries, data = append(entries, data[2:end]), data[end:]
	}
	if int64(len(entries)) != width {
		return nil, fmt.Errorf("bundle %d holds %d entries, not %d", n, len(entries), width)
	}
	return entries, nil
}
