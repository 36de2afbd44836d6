package cli

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/fapilog/fapilog/encode"
	"github.com/fapilog/fapilog/journal/archive"
	"github.com/fapilog/fapilog/sink"
)

// maxQuarantined is the longest line of a quarantine file that is read, in bytes:
// as long as such a file may get.
const maxQuarantined = 100 << 20

// quarantineFiles returns the quarantine files at path, in the order of their
// names: path itself if it is a file, those in it if it is a directory of
// quarantine, or none if it is another directory.
func quarantineFiles(path string, info fs.FileInfo) (files []string, err error) {
	if !info.IsDir() {
		if !info.Mode().IsRegular() {
			return nil, fmt.Errorf("journal: %s is neither a directory nor a regular file", path)
		}
		return []string{path}, nil
	}
	entries, err := os.ReadDir(path)
	if err != nil {
		return nil, fmt.Errorf("journal: %w", err)
	}
	for _, e := range entries {
		switch {
		case e.IsDir():
			return nil, nil // a journal, or at least no quarantine
		case e.Type().IsRegular() && filepath.Ext(e.Name()) == ".jsonl":
			files = append(files, filepath.Join(path, e.Name()))
		}
	}
	return files, nil
}

// quarantined returns the records of quarantine files from from on and up to
// until. A record's bound is its place in the files.
func quarantined(files []string, from, until bound) (records, error) {
	for _, b := range []bound{from, until} {
		if b.ID == nil {
			continue
		}
		if err := holdsRecord(files, *b.ID); err != nil {
			return nil, err
		}
	}
	q := archive.Query{From: from.Bound, Until: until.Bound}
	return func(yield func(sink.Record, error) bool) {
		begun := from.ID == nil
		for r, err := range linesOf(files) {
			id := archive.ID{Life: r.ID.Journal, Seq: r.ID.Seq}
			begun = begun || err == nil && id == *from.ID
			if begun && (err != nil || q.Includes(r.Time)) && !yield(r, err) {
				return
			}
			if err == nil && until.ID != nil && id == *until.ID {
				return
			}
		}
	}, nil
}

func holdsRecord(files []string, id archive.ID) error {
	for r, err := range linesOf(files) {
		if err == nil && (archive.ID{Life: r.ID.Journal, Seq: r.ID.Seq}) == id {
			return nil
		}
	}
	return fmt.Errorf("journal replay: record %v is %w", id, archive.ErrUnknown)
}

// linesOf yields the record of every line, or what is wrong with it.
func linesOf(files []string) records {
	return func(yield func(sink.Record, error) bool) {
		for _, path := range files {
			if !linesOfFile(path, yield) {
				return
			}
		}
	}
}

// linesOfFile reports false when no more are wanted. It reads what the file holds
// at the beginning: a sink that refuses what is replayed might append to it.
func linesOfFile(path string, yield func(sink.Record, error) bool) bool {
	f, err := os.Open(path)
	if err != nil {
		return yield(sink.Record{}, err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return yield(sink.Record{}, err)
	}
	lines := bufio.NewScanner(io.LimitReader(f, info.Size()))
	lines.Buffer(nil, maxQuarantined)
	for n := 1; lines.Scan(); n++ {
		r, err := parseQuarantined(lines.Bytes())
		if err != nil {
			err = fmt.Errorf("%s: line %d: %w", path, n, err)
		}
		if !yield(r, err) {
			return false
		}
	}
	if err := lines.Err(); err != nil {
		return yield(sink.Record{}, fmt.Errorf("%s: %w", path, err))
	}
	return true
}

// parseQuarantined returns the record of a line. Its time and level are those that
// its JSON tells; a record without a time has that of its line, one without a
// level is Info.
func parseQuarantined(line []byte) (sink.Record, error) {
	var q struct {
		Time   time.Time       `json:"time"`
		ID     string          `json:"id"`
		Record json.RawMessage `json:"record"`
	}
	if err := json.Unmarshal(line, &q); err != nil {
		return sink.Record{}, fmt.Errorf("not a quarantined record: %w", err)
	}
	if q.ID == "" || len(q.Record) == 0 || q.Record[0] != '{' {
		return sink.Record{}, errors.New(`not a quarantined record: it needs the members "id" and "record", an object`)
	}
	id, err := archive.ParseID(q.ID)
	if err != nil {
		return sink.Record{}, err
	}
	t, level, hasLevel, _ := encode.Meta(q.Record)
	if t.IsZero() {
		t = q.Time
	}
	if !hasLevel {
		level = slog.LevelInfo
	}
	return sink.Record{ID: sink.ID{Journal: id.Life, Seq: id.Seq}, Time: t, Level: level, JSON: q.Record}, nil
}
