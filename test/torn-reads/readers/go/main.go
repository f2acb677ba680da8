// Reads one volume over and over. Arguments: the volume, a folder with N.key, N.chain and N.ca for every pair N.
package main

import (
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"log"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// seen is what a way of reading has seen.
type seen struct {
	Reads      int `json:"reads"`
	Mismatches int `json:"mismatches"`
	Retries    int `json:"retries"`
	Rotations  int `json:"rotations"`
	last       string
}

// attempt counts a look at the volume, which gives the pair that each content is of, "" for none.
func (s *seen) attempt(look func() ([]string, error)) {
	found, err := look()
	if errors.Is(err, fs.ErrNotExist) {
		s.Retries++
		return
	}
	if err != nil {
		log.Fatal(err)
	}
	s.Reads++
	for _, pair := range found {
		if pair == "" || pair != found[0] {
			s.Mismatches++
			return
		}
	}
	if found[0] != s.last {
		s.Rotations++
	}
	s.last = found[0]
}

// known has the pair of each content, by the part that it is.
type known map[string]map[string]string

func readPairs(folder string) (known, error) {
	pairs := known{"key": {}, "chain": {}, "ca": {}}
	entries, err := os.ReadDir(folder)
	if err != nil {
		return nil, err
	}
	for _, entry := range entries {
		content, err := os.ReadFile(filepath.Join(folder, entry.Name()))
		if err != nil {
			return nil, err
		}
		pair, part, _ := strings.Cut(entry.Name(), ".")
		pairs[part][string(content)] = pair
	}
	return pairs, nil
}

func (k known) inBundle(volume string) ([]string, error) {
	content, err := os.ReadFile(filepath.Join(volume, "credential-bundle.pem"))
	if err != nil {
		return nil, err
	}
	chainAt := max(strings.Index(string(content), "-----BEGIN CERTIFICATE-----"), 0)
	return []string{k["key"][string(content[:chainAt])], k["chain"][string(content[chainAt:])]}, nil
}

// inGeneration holds the folder open that ..data leads to: openat(2).
func (k known) inGeneration(volume string) ([]string, error) {
	folder, err := os.OpenRoot(filepath.Join(volume, "..data"))
	if err != nil {
		return nil, err
	}
	defer folder.Close()
	var found []string
	for _, file := range [][2]string{{"key", "tls.key"}, {"chain", "tls.crt"}, {"ca", "ca.crt"}} {
		content, err := folder.ReadFile(file[1])
		if err != nil {
			return nil, err
		}
		found = append(found, k[file[0]][string(content)])
	}
	return found, nil
}

func (k known) apart(volume string) ([]string, error) {
	key, err := os.ReadFile(filepath.Join(volume, "tls.key"))
	if err != nil {
		return nil, err
	}
	// Some time at random, or a reader would fall into step with the writer.
	time.Sleep(rand.N(2 * time.Millisecond))
	chain, err := os.ReadFile(filepath.Join(volume, "tls.crt"))
	if err != nil {
		return nil, err
	}
	return []string{k["key"][string(key)], k["chain"][string(chain)]}, nil
}

func main() {
	volume := os.Args[1]
	pairs, err := readPairs(os.Args[2])
	if err != nil {
		log.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		close(ended)
	}()
	var bundle, generation, apart seen
	for {
		select {
		case <-ended:
			report := map[string]seen{"bundle": bundle, "generation": generation, "apart": apart}
			if err := json.NewEncoder(os.Stdout).Encode(report); err != nil {
				log.Fatal(err)
			}
			return
		default:
			bundle.attempt(func() ([]string, error) { return pairs.inBundle(volume) })
			generation.attempt(func() ([]string, error) { return pairs.inGeneration(volume) })
			apart.attempt(func() ([]string, error) { return pairs.apart(volume) })
		}
	}
}
