// Package archive reads the directory of a durable journal (see package journal)
// from outside: to say what it holds, and to take records out of it again.
//
// It takes no lock, maps nothing and changes nothing, and may be used beside the
// processes whose journal it is. Then what it says of a life was true at some
// moment while it read, and records that are evicted meanwhile are told as a
// [Gap]. Whatever lies in the directory, and however damaged it is, the worst
// that comes of it is a gap or a line in [Report.Problems].
package archive

import (
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"time"

	"github.com/fapilog/fapilog/journal/internal/life"
)

// ErrUnknown is what errors match that say that the directory has not what a
// [Query] names.
var ErrUnknown = errors.New("not in the journal")

// Tally is what became of one sink's records, as package journal has it.
type Tally = life.Tally

// Record is a record as [Records] yields it.
type Record struct {
	ID    ID
	Time  time.Time  // as logged; the zero Time if the record had none
	Level slog.Level // as logged
	Data  []byte     // its JSON; valid until the next record
}

// Report is what a journal's directory holds. The names in its JSON are those of
// the fields in lower_snake_case.
type Report struct {
	Dir        string       `json:"dir"`
	Bytes      int64        `json:"bytes"`      // the files of all lives
	Lives      []Life       `json:"lives"`      // the earliest first
	Damaged    int          `json:"damaged"`    // files that recovery has set aside
	Quarantine []Quarantine `json:"quarantine"` // in the default place
	Foreign    []string     `json:"foreign"`    // names of what is not the journal's, and is left alone
	Problems   []string     `json:"problems"`   // what is damaged or could not be read
	Unseen     bool         `json:"unseen"`     // which lives are in use cannot be seen on this system
}

// Life is what one Open of one process has left, or is writing.
type Life struct {
	ID       string           `json:"id"`      // 32 hexadecimal digits: the first half of its records' ids
	Created  time.Time        `json:"created"` // zero: nothing tells
	InUse    bool             `json:"in_use"`  // a process appends to it or drains it; false where its process cannot be seen, as from another container
	Newer    bool             `json:"newer"`   // written by a version of the format that this one does not know: nothing else is told of it
	Drained  bool             `json:"drained"` // every sink has settled it and another life carries its counts: it is about to be removed
	Records  uint64           `json:"records"` // that it still has, damaged ones among them
	First    uint64           `json:"first"`   // sequence of the first of these; there may be holes, where every cursor had passed
	End      uint64           `json:"end"`     // 1 + the last sequence
	Segments []Segment        `json:"segments"`
	Cursors  []Cursor         `json:"cursors"`           // by key
	Carried  map[string]Tally `json:"carried,omitempty"` // by key: of earlier lives that were drained and removed
}

// Segment is one segment file that holds records. A file that is set aside for
// records to come is none.
type Segment struct {
	File      string    `json:"file"`
	Ordinal   uint64    `json:"ordinal"` // of its installation in the life, from 0
	Lap       uint32    `json:"lap"`     // how many times the file has been a segment
	FirstSeq  uint64    `json:"first_seq"`
	EndSeq    uint64    `json:"end_seq"`
	Bytes     uint64    `json:"bytes"` // of records
	FileSize  int64     `json:"file_size"`
	Installed time.Time `json:"installed,omitzero"`
	Header    bool      `json:"header_damaged,omitempty"` // its header is damaged: ordinal, lap and times are not known, and the sequences are those of the records found
	Damage    uint64    `json:"damage"`                   // records that cannot be read; counted by Verify only
}

// Cursor is how far one sink has come in one life.
type Cursor struct {
	Key           string    `json:"key"`
	Damaged       bool      `json:"damaged,omitempty"` // its file cannot be read, and its key is that of the file's name
	Next          uint64    `json:"next"`              // every record below this sequence is settled
	Lag           uint64    `json:"lag"`               // records that the life still has and that are not settled
	LagBytes      uint64    `json:"lag_bytes"`
	OldestPending time.Time `json:"oldest_pending,omitzero"` // time of the first of them; zero: there is none, or it has none
	Tally         Tally     `json:"tally"`                   // what became of the settled ones
}

// Quarantine is a file of records that a destination has refused.
type Quarantine struct {
	File  string `json:"file"`
	Bytes int64  `json:"bytes"`
	Lines int    `json:"lines"`
}

// Damage returns the number of records of which [Verify] has found that they
// cannot be read.
func (r Report) Damage() (n uint64) {
	for _, l := range r.Lives {
		for _, s := range l.Segments {
			n += s.Damage
		}
	}
	return n
}

// ID names a record.
type ID struct {
	Life [16]byte
	Seq  uint64
}

// ParseID reads an id as it stands in quarantine files and as sink.ID prints it:
// 32 and 16 hexadecimal digits joined by a hyphen.
func ParseID(s string) (id ID, err error) {
	const half = 2 * len(id.Life)
	if len(s) != half+1+16 || s[half] != '-' {
		return ID{}, fmt.Errorf("a record's id has 32 hexadecimal digits, a hyphen and 16 more: %.64q", s)
	}
	if _, err := hex.Decode(id.Life[:], []byte(s[:half])); err != nil {
		return ID{}, fmt.Errorf("a record's id has hexadecimal digits: %q", s)
	}
	if id.Seq, err = strconv.ParseUint(s[half+1:], 16, 64); err != nil {
		return ID{}, fmt.Errorf("a record's id has hexadecimal digits: %q", s)
	}
	return id, nil
}

// String returns what ParseID reads.
func (id ID) String() string { return fmt.Sprintf("%x-%016x", id.Life, id.Seq) }
