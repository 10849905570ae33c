// Logcheck verifies a published log with golang.org/x/mod's note and tlog alone.
//
//	logcheck [-entries] [-witness VKEY]... [-old FILE]... [-proof FILE]... [-request FILE]... VKEY SOURCE
//
// SOURCE is the log's address (http://…) or a directory of the same layout (file:///… or a path). It checks, in this order, and stops
// at the first failure with status 1:
//
//   - the checkpoint's Ed25519 signature and, for each -witness, its cosignature;
//   - every hash tile, against the checkpoint's root;
//   - with -entries, every entry against its leaf hash, and the root computed anew from the entries alone;
//   - an inclusion proof for every leaf (above 10,000 leaves for every 61st, and the last);
//   - the consistency of each older checkpoint (-old) with the newest;
//   - proofs and requests to witnesses that the log's own software made (-proof, -request).
package main

import (
	"flag"
	"fmt"
	"os"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// Up to so many leaves, each is proved.
const everyLeaf = 10_000

type list []string

func (l *list) String() string     { return strings.Join(*l, " ") }
func (l *list) Set(s string) error { *l = append(*l, s); return nil }

func main() {
	var witnesses, olds, proofs, requests list
	entries := flag.Bool("entries", false, "check entry bundles too")
	flag.Var(&witnesses, "witness", "a witness's Ed25519 vkey whose cosignature must be there")
	flag.Var(&olds, "old", "a file with an older checkpoint")
	flag.Var(&proofs, "proof", "a .tlog-proof file")
	flag.Var(&requests, "request", "the body of a request to a witness")
	flag.Parse()
	if flag.NArg() != 2 {
		flag.Usage()
		os.Exit(2)
	}
	if err := check(flag.Arg(0), flag.Arg(1), *entries, witnesses, olds, proofs, requests); err != nil {
		fmt.Println("FAILED:", err)
		os.Exit(1)
	}
	fmt.Println("ok")
}

func check(vkey, from string, entries bool, witnesses, olds, proofs, requests []string) error {
	log, err := note.NewVerifier(vkey)
	if err != nil {
		return fmt.Errorf("the log's key: %w", err)
	}
	src := newSource(from)
	data, err := src.read("checkpoint")
	if err != nil {
		return err
	}
	tree, err := openCheckpoint(data, log, witnesses)
	if err != nil {
		return fmt.Errorf("the checkpoint: %w", err)
	}
	fmt.Printf("checkpoint: %s, %d leaves, root %x\n", log.Name(), tree.N, tree.Hash[:])

	reader := tlog.TileHashReader(tree, src)
	leaves, err := leafHashes(tree.N, reader)
	if err != nil {
		return fmt.Errorf("the tiles: %w", err)
	}
	fmt.Printf("tiles: %d files lead to the root\n", src.tiles())
	if entries {
		if err := checkEntries(src, tree, leaves); err != nil {
			return fmt.Errorf("the entries: %w", err)
		}
		fmt.Printf("entries: %d, root computed from them alone\n", len(leaves))
	}
	proved, err := checkInclusions(tree, leaves, reader)
	if err != nil {
		return err
	}
	fmt.Printf("inclusion: %d proofs\n", proved)
	return checkFiles(log, tree, leaves, reader, olds, proofs, requests)
}

func checkFiles(log note.Verifier, tree tlog.Tree, leaves []tlog.Hash, reader tlog.HashReader, olds, proofs, requests []string) error {
	for _, file := range olds {
		data, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		old, err := openCheckpoint(data, log, nil)
		if err != nil {
			return fmt.Errorf("%s: %w", file, err)
		}
		proof, err := tlog.ProveTree(tree.N, old.N, reader)
		if err == nil {
			err = tlog.CheckTree(proof, tree.N, tree.Hash, old.N, old.Hash)
		}
		if err != nil {
			return fmt.Errorf("%s is not a prefix: %w", file, err)
		}
		fmt.Printf("consistency: from %d leaves\n", old.N)
	}
	for _, file := range proofs {
		if err := checkProofFile(file, log, leaves); err != nil {
			return fmt.Errorf("%s: %w", file, err)
		}
		fmt.Printf("proof: %s\n", file)
	}
	for _, file := range requests {
		if err := checkRequestFile(file, log, reader); err != nil {
			return fmt.Errorf("%s: %w", file, err)
		}
		fmt.Printf("request: %s\n", file)
	}
	return nil
}

// leafHashes reads every leaf hash, and with them every tile, through a reader that checks them.
func leafHashes(size int64, reader tlog.HashReader) ([]tlog.Hash, error) {
	indexes := make([]int64, size)
	for i := range indexes {
		indexes[i] = tlog.StoredHashIndex(0, int64(i))
	}
	if size == 0 {
		return nil, nil
	}
	return reader.ReadHashes(indexes)
}

func checkEntries(src *source, tree tlog.Tree, leaves []tlog.Hash) error {
	var stored []tlog.Hash
	own := tlog.HashReaderFunc(func(indexes []int64) ([]tlog.Hash, error) {
		hashes := make([]tlog.Hash, len(indexes))
		for i, x := range indexes {
			hashes[i] = stored[x]
		}
		return hashes, nil
	})
	for first := int64(0); first < tree.N; first += tileWidth {
		bundle, err := src.bundle(first/tileWidth, tree.N)
		if err != nil {
			return err
		}
		for i, entry := range bundle {
			n := first + int64(i)
			if tlog.RecordHash(entry) != leaves[n] {
				return fmt.Errorf("entry %d does not have the hash of its leaf", n)
			}
			more, err := tlog.StoredHashes(n, entry, own)
			if err != nil {
				return err
			}
			stored = append(stored, more...)
		}
	}
	root, err := tlog.TreeHash(tree.N, own)
	if err != nil {
		return err
	}
	if root != tree.Hash {
		return fmt.Errorf("their root is %x", root[:])
	}
	return nil
}

// checkInclusions proves every leaf of a smaller log, and of a larger one some in every tile and the last.
func checkInclusions(tree tlog.Tree, leaves []tlog.Hash, reader tlog.HashReader) (int, error) {
	proved, step := 0, 1
	if len(leaves) > everyLeaf {
		step = 61
	}
	for i := range leaves {
		if i%step != 0 && i != len(leaves)-1 {
			continue
		}
		proof, err := tlog.ProveRecord(tree.N, int64(i), reader)
		if err == nil {
			err = tlog.CheckRecord(proof, tree.N, tree.Hash, int64(i), leaves[i])
		}
		if err != nil {
			return proved, fmt.Errorf("the inclusion of leaf %d: %w", i, err)
		}
		proved++
	}
	return proved, nil
}
