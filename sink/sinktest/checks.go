package sinktest

import (
	"encoding/base64"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing/synctest"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/fapilog/fapilog/sink"
)

// batch returns n new records.
func (x *trial) batch(n int) []sink.Record {
	objs := make([]string, n)
	for i := range objs {
		objs[i] = fmt.Sprintf(`{"level":"INFO","msg":"record %d","n":%d}`, x.seq+uint64(i)+1, x.seq+uint64(i)+1)
	}
	return x.records(objs...)
}

// records returns new records with these objects.
func (x *trial) records(objs ...string) []sink.Record {
	batch := make([]sink.Record, len(objs))
	for i, obj := range objs {
		x.seq++
		batch[i] = sink.Record{
			ID:   sink.ID{Journal: [16]byte{0: 0xfa, 15: 0x17}, Seq: x.seq},
			Time: time.Now().Add(time.Duration(x.seq) * 1001 * time.Nanosecond),
			JSON: []byte(obj),
		}
	}
	return batch
}

// large returns a batch of about 150 KB that cannot be compressed by much.
func (x *trial) large() []sink.Record {
	random := rand.New(rand.NewPCG(1, x.seq))
	objs := make([]string, 50)
	for i := range objs {
		noise := make([]byte, 2250)
		for j := range noise {
			noise[j] = byte(random.Uint32())
		}
		objs[i] = fmt.Sprintf(`{"level":"INFO","msg":"record %d","noise":"%s"}`, x.seq+uint64(i)+1, base64.StdEncoding.EncodeToString(noise))
	}
	return x.records(objs...)
}

// deliver writes batch, which is to be delivered and stored, and returns what came of it.
func (x *trial) deliver(batch []sink.Record) result {
	r := x.write(batch)
	x.wantOutcome(r, delivered)
	x.wantAll(batch)
	return r
}

// wantOutcome checks what became of every record.
func (x *trial) wantOutcome(r result, want string) {
	for i, got := range outcomes(r.err, r.n) {
		if got != want {
			x.errorf("record %d of %d: the verdict is %s, want %s; the error: %s", i, r.n, got, want, short(r.err))
			return
		}
	}
}

// wantNow checks that r has not waited.
func (x *trial) wantNow(r result) {
	if r.took != 0 {
		x.errorf("Write has waited %v", r.took)
	}
}

// outcomes returns what err means for each of n records.
func outcomes(err error, n int) []string {
	whole := delivered
	var e *sink.Error
	if err != nil {
		whole = sink.Retry.String()
	}
	if errors.As(err, &e) && e != nil {
		whole = e.Verdict.String()
		if len(e.Items) > 0 {
			whole = delivered
		}
	}
	all := slices.Repeat([]string{whole}, n)
	if e != nil {
		for _, item := range e.Items {
			if item.Index >= 0 && item.Index < n {
				all[item.Index] = item.Verdict.String()
			}
		}
	}
	return all
}

// stored returns what the server has once everything is quiet.
func (x *trial) stored() []Stored {
	synctest.Wait()
	return x.store.Records()
}

// wantAll checks that the server has the batch as its latest records, in order.
func (x *trial) wantAll(batch []sink.Record) {
	got := x.stored()
	if len(got) < len(batch) {
		x.errorf("the server has %d records, and %d were delivered", len(got), len(batch))
		return
	}
	got = got[len(got)-len(batch):]
	for i, r := range batch {
		if want := x.target.want(r); !got[i].is(want) {
			x.errorf("the server has as record %d:\n%.300q of %v, want\n%.300q of %v", i, got[i].Text, got[i].Time, want.Text, want.Time)
			return
		}
	}
}

// wantCount checks how many records the server has.
func (x *trial) wantCount(n int) {
	if got := len(x.stored()); got != n {
		x.errorf("the server has %d records, want %d", got, n)
	}
}

// wantSome checks that the server has every record at least once, and each time as the
// same one.
func (x *trial) wantSome(batch []sink.Record) {
	got := x.stored()
	for i, r := range batch {
		want := x.target.want(r)
		copies := slices.DeleteFunc(slices.Clone(got), func(s Stored) bool { return !s.is(want) })
		if len(copies) == 0 {
			x.errorf("record %d is not at the server: %.200q", i, want.Text)
			return
		}
		for _, c := range copies {
			if want.ID != "" && c.ID != copies[0].ID {
				x.errorf("record %d is %q at first and %q then; an attempt changes no identity", i, copies[0].ID, c.ID)
				return
			}
		}
	}
}

// look checks the form of an error.
func (x *trial) look(err error, n int) {
	if err == nil {
		return
	}
	var e *sink.Error
	if errors.As(err, &e) {
		if e == nil {
			x.fatalf("the error is a nil *sink.Error, which is not nil; return nil itself")
		}
		x.lookAtItems(e, n)
	}
	x.lookAtText(err)
	for ; err != nil; err = errors.Unwrap(err) {
		x.lookForSecrets(fmt.Sprintf("%v\n%+v", err, err))
	}
}

func (x *trial) lookAtItems(e *sink.Error, n int) {
	if e.After < 0 {
		x.errorf("After is %v", e.After)
	}
	if e.Verdict.String() == "unknown" {
		x.errorf("there is no verdict %d", e.Verdict)
	}
	if e.Verdict == sink.Postponed {
		x.errorf("a whole batch is postponed, which is only for records beside others")
	}
	seen, postponed := map[int]bool{}, 0
	for _, item := range e.Items {
		if item.Verdict == sink.Postponed {
			postponed++
		}
		if item.Index < 0 || item.Index >= n || seen[item.Index] {
			x.errorf("there is an item for record %d of %d, or two", item.Index, n)
		}
		if item.Verdict.String() == "unknown" {
			x.errorf("there is no verdict %d", item.Verdict)
		}
		seen[item.Index] = true
		if item.Err != nil {
			x.lookForSecrets(item.Err.Error())
		}
	}
	if n > 0 && postponed == n {
		x.errorf("all %d records are postponed, and none was sent", n)
	}
}

// lookForSecrets does not print the text that has one.
func (x *trial) lookForSecrets(text string) {
	for i, secret := range x.target.Secrets {
		if secret != "" && strings.Contains(text, secret) {
			x.errorf("an error holds secret number %d of the target's", i+1)
		}
	}
}

// lookAtText checks how an error reads: one line of text that begins with a lower-case
// letter, as Go's do, and is not too long to be printed.
func (x *trial) lookAtText(err error) {
	text := err.Error()
	first, size := utf8.DecodeRuneInString(text)
	second, _ := utf8.DecodeRuneInString(text[size:])
	switch {
	case text == "":
		x.errorf("the error has no text")
	case !utf8.ValidString(text):
		x.errorf("the error is not UTF-8: %.100q", text)
	case strings.ContainsFunc(text, unicode.IsControl):
		x.errorf("the error has control characters, or more than one line: %.200q", text)
	case unicode.IsUpper(first) && unicode.IsLower(second):
		x.errorf("the error begins with a capital letter: %.60q", text)
	case len(text) > 1<<10:
		x.errorf("the error has %d bytes, which is too long to be printed each time", len(text))
	}
}

// short returns err's text, cut, for a deviation.
func short(err error) string {
	if err == nil {
		return "none"
	}
	return fmt.Sprintf("%.200q", err.Error())
}
