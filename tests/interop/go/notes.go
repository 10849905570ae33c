package main

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// openCheckpoint verifies a signed checkpoint; every witness named must have cosigned it.
func openCheckpoint(data []byte, log note.Verifier, witnesses []string) (tlog.Tree, error) {
	known := []note.Verifier{log}
	for _, vkey := range witnesses {
		witness, err := newCosigner(vkey)
		if err != nil {
			return tlog.Tree{}, fmt.Errorf("a witness's key: %w", err)
		}
		known = append(known, witness)
	}
	opened, err := note.Open(data, note.VerifierList(known...))
	if err != nil {
		return tlog.Tree{}, err
	}
	if len(opened.Sigs) != len(known) {
		return tlog.Tree{}, fmt.Errorf("%d of %d known keys signed", len(opened.Sigs), len(known))
	}
	lines := strings.Split(opened.Text, "\n")
	if len(lines) != 4 || lines[0] != log.Name() {
		return tlog.Tree{}, errors.New("it is not a checkpoint of this log")
	}
	size, err := strconv.ParseInt(lines[1], 10, 64)
	if err != nil || strconv.FormatInt(size, 10) != lines[1] {
		return tlog.Tree{}, errors.New("its size is not a number")
	}
	root, err := tlog.ParseHash(lines[2])
	return tlog.Tree{N: size, Hash: root}, err
}

// A cosigner verifies the timestamped Ed25519 type (0x04), which the note package does not know.
type cosigner struct {
	name string
	hash uint32
	key  ed25519.PublicKey
}

func newCosigner(vkey string) (note.Verifier, error) {
	parts := strings.SplitN(vkey, "+", 3)
	if len(parts) != 3 {
		return nil, errors.New("it is malformed")
	}
	raw, err := base64.StdEncoding.DecodeString(parts[2])
	if err != nil || len(raw) != 1+ed25519.PublicKeySize || raw[0] != 4 {
		return nil, errors.New("it is not an Ed25519 cosigner's")
	}
	sum := sha256.Sum256(append([]byte(parts[0]+"\n"), raw...))
	if hex.EncodeToString(sum[:4]) != parts[1] {
		return nil, errors.New("its id is wrong")
	}
	return &cosigner{parts[0], binary.BigEndian.Uint32(sum[:4]), raw[1:]}, nil
}

func (c *cosigner) Name() string    { return c.name }
func (c *cosigner) KeyHash() uint32 { return c.hash }
func (c *cosigner) Verify(msg, sig []byte) bool {
	if len(sig) != 8+ed25519.SignatureSize {
		return false
	}
	time := binary.BigEndian.Uint64(sig)
	signed := fmt.Sprintf("cosignature/v1\ntime %d\n%s", time, msg)
	return time != 0 && ed25519.Verify(c.key, []byte(signed), sig[8:])
}

// cut splits a text that precedes a signed checkpoint into its lines and the checkpoint.
func cut(file string) (lines []string, checkpoint []byte, err error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, nil, err
	}
	head, tail, found := strings.Cut(string(data), "\n\n")
	if !found {
		return nil, nil, errors.New("it holds no checkpoint")
	}
	return strings.Split(head, "\n"), []byte(tail), nil
}

// number reads the decimal after a word, as in "index 7".
func number(line, word string) (int64, error) {
	found, after := strings.HasPrefix(line, word+" "), strings.TrimPrefix(line, word+" ")
	if !found {
		return 0, fmt.Errorf("%q does not begin with %s", line, word)
	}
	return strconv.ParseInt(after, 10, 64)
}

func hashes(lines []string) ([]tlog.Hash, error) {
	parsed := make([]tlog.Hash, len(lines))
	for i, line := range lines {
		var err error
		if parsed[i], err = tlog.ParseHash(line); err != nil {
			return nil, err
		}
	}
	return parsed, nil
}

// checkProofFile verifies a C2SP tlog-proof for a leaf that the tiles gave.
func checkProofFile(file string, log note.Verifier, leaves []tlog.Hash) error {
	lines, checkpoint, err := cut(file)
	if err != nil {
		return err
	}
	if lines[0] != "c2sp.org/tlog-proof@v1" || len(lines) < 2 {
		return errors.New("it is not a log proof")
	}
	tree, err := openCheckpoint(checkpoint, log, nil)
	if err != nil {
		return err
	}
	lines = lines[1:]
	if strings.HasPrefix(lines[0], "extra ") {
		lines = lines[1:]
	}
	index, err := number(lines[0], "index")
	if err != nil {
		return err
	}
	if index < 0 || index >= int64(len(leaves)) {
		return errors.New("its leaf lies outside of the log")
	}
	path, err := hashes(lines[1:])
	if err != nil {
		return err
	}
	return tlog.CheckRecord(path, tree.N, tree.Hash, index, leaves[index])
}

// checkRequestFile verifies the consistency proof of a C2SP tlog-witness add-checkpoint request.
func checkRequestFile(file string, log note.Verifier, reader tlog.HashReader) error {
	lines, checkpoint, err := cut(file)
	if err != nil {
		return err
	}
	tree, err := openCheckpoint(checkpoint, log, nil)
	if err != nil {
		return err
	}
	size, err := number(lines[0], "old")
	if err != nil {
		return err
	}
	old, err := tlog.TreeHash(size, reader)
	if err != nil {
		return err
	}
	path, err := hashes(lines[1:])
	if err != nil {
		return err
	}
	return tlog.CheckTree(path, tree.N, tree.Hash, size, old)
}
