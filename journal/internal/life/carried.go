package life

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"slices"

	"github.com/fapilog/fapilog/internal/crash"
	"github.com/fapilog/fapilog/journal/internal/disk"
)

// Carried is what a life carries on of lives that were drained before it or
// during it. The zero value carries nothing.
type Carried struct {
	Lives   []string         `json:"lives"`   // ids in hex: counted in Tallies, and their directories may still be there
	Tallies map[string]Tally `json:"tallies"` // by key
}

// carriedFile is the file. Every version keeps its three fields and the meaning
// of lives in the body.
type carriedFile struct {
	Version  int             `json:"version"`
	Checksum string          `json:"crc32c"` // of the body's bytes begun with the version's, in hex
	Body     json.RawMessage `json:"body"`
}

const (
	carriedVersion = 1
	maxCarried     = 16 << 20 // no file of ours comes near it
)

func (f *carriedFile) sum() string {
	return fmt.Sprintf("%08x", checksum(append(fmt.Appendf(nil, "%d ", f.Version), f.Body...)))
}

// ReadCarried returns what the life in lifeDir carries: zero if it has no such
// file. The life can be another process's. The error matches [ErrDamaged], with
// nothing returned, [ErrNewer], with Lives alone, [disk.ErrForeign], or is one of
// the file system.
func ReadCarried(fsys disk.FS, lifeDir string) (Carried, error) {
	path := filepath.Join(lifeDir, carriedName)
	f, err := fsys.OpenRead(path)
	if errors.Is(err, fs.ErrNotExist) {
		return Carried{}, nil
	}
	if err != nil {
		return Carried{}, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.NewSectionReader(f, 0, maxCarried))
	if err != nil { // bytes that cannot be read are damaged ones
		return Carried{}, fmt.Errorf("%s: %w: %w", path, ErrDamaged, err)
	}
	c, err := parseCarried(text)
	if err != nil {
		return c, fmt.Errorf("%s: %w", path, err)
	}
	return c, nil
}

func parseCarried(text []byte) (Carried, error) {
	var f carriedFile
	if json.Unmarshal(text, &f) != nil || f.Checksum != f.sum() {
		return Carried{}, ErrDamaged
	}
	var c Carried
	err := json.Unmarshal(f.Body, &c)
	if f.Version != carriedVersion {
		return Carried{Lives: slices.DeleteFunc(c.Lives, notID)}, ErrNewer
	}
	if err != nil || slices.ContainsFunc(c.Lives, notID) {
		return Carried{}, ErrDamaged
	}
	return c, nil
}

func notID(name string) bool { return !isHex(name, idDigits) }

// Write makes c what the life in lifeDir carries, by replacing the file as a
// whole. Equal values make equal files.
func (c Carried) Write(fsys disk.FS, lifeDir string) error {
	c.Lives = slices.Compact(slices.Sorted(slices.Values(c.Lives)))
	body, err := json.Marshal(c) // a map in the order of its keys
	if err != nil {
		return err
	}
	f := carriedFile{Version: carriedVersion, Body: body}
	f.Checksum = f.sum()
	text, err := json.Marshal(f)
	if err != nil {
		return err
	}
	if err := fsys.WriteFile(filepath.Join(lifeDir, carriedName), append(text, '\n')); err != nil {
		return err
	}
	crash.Point("fold.written")
	return nil
}

// Fold takes the life that id names into c: the tallies of its marks and all that
// it carried itself. Its records from a mark's Next to end nobody will settle:
// they are Gone. A life that c names already is not counted again.
//
// What from names c names as well: such a directory can be there longer than the
// life that carried its tallies. [Claim] forgets those that are not.
func (c *Carried) Fold(id string, marks map[string]Mark, from Carried, end uint64) {
	if slices.Contains(c.Lives, id) {
		return
	}
	for _, name := range append([]string{id}, from.Lives...) {
		if !slices.Contains(c.Lives, name) {
			c.Lives = append(c.Lives, name)
		}
	}
	for key, m := range marks {
		if m.Next < end {
			m.Tally.Gone += end - m.Next
		}
		c.add(key, m.Tally)
	}
	for key, t := range from.Tallies {
		c.add(key, t)
	}
}

func (c *Carried) add(key string, t Tally) {
	if c.Tallies == nil {
		c.Tallies = map[string]Tally{}
	}
	t.Add(c.Tallies[key])
	c.Tallies[key] = t
}
