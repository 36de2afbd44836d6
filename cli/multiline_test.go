package cli

import (
	"bytes"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// joined returns what a joiner makes of lines, the first of which begins with a letter
// other than a blank.
func joined(m multiline, lines ...line) (records []line) {
	j := m.joiner(func(p []byte, size int64) { records = append(records, line{string(p), size}) })
	for _, l := range lines {
		j.add([]byte(l.text), l.size)
	}
	j.release()
	return records
}

func unindented(most int, limit int64) multiline {
	m := newMultiline()
	m.begins, m.lines = regexp.MustCompile(`^\S`), most
	_ = m.setMax(fmt.Sprint(limit))
	return m
}

func TestLinesThatDoNotBeginARecordBelongToTheOneBefore(t *testing.T) {
	const long = 11 // the limit of cases with a longer record
	for name, c := range map[string]struct{ in, want []line }{
		"none":                              {nil, nil},
		"a stack trace":                     {whole("panic: x", "  at a", "  at b", "next"), whole("panic: x\n  at a\n  at b", "next")},
		"every line begins one":             {whole("a", "b", "c"), whole("a", "b", "c")},
		"the first lines begin none":        {whole(" a", " b", "c"), whole(" a\n b", "c")},
		"an empty line belongs to it":       {whole("a", "", " b"), whole("a\n\n b")},
		"empty lines only":                  {whole("", ""), whole("\n")},
		"an object stays alone":             {whole("a", `{"msg":"x"}`, " b"), whole("a", `{"msg":"x"}`, " b")},
		"so do objects that match nothing":  {whole(` {"a":1}`, ` {"b":2} `), whole(` {"a":1}`, ` {"b":2} `)},
		"what only looks like one does not": {whole("a", ` {"msg":`, ` [1]`), whole("a\n {\"msg\":\n [1]")},
		"an object on several lines is one": {whole("{", ` "a": "b",`, ` "c":2 }`, "d"), whole("{\n \"a\": \"b\",\n \"c\":2 }", "d")},
		"of a long record the head is kept": {whole("123456", " 7890", " x", "next"), []line{{"123456\n 789", 15}, {"next", 4}}},
		"whose size has the LFs":            {whole("123456789ab", " "), []line{{"123456789ab", 13}}},
		"nothing stands behind a cut line":  {[]line{{"12345", 99}, {" x", 2}}, []line{{"12345", 102}}},
		"a cut line is no object":           {[]line{{`{"a":1}`, 99}, {" x", 2}}, []line{{`{"a":1}`, 102}}},
		"after so many lines comes another": {whole("a", " 1", " 2", " 3", " 4"), whole("a\n 1\n 2\n 3", " 4")},
	} {
		t.Run(name, func(t *testing.T) {
			limit := int64(long)
			if slices.IndexFunc(c.want, func(l line) bool { return l.size > int64(len(l.text)) }) < 0 {
				limit = maxLine
			}
			if got := joined(unindented(4, limit), c.in...); !slices.Equal(got, c.want) {
				t.Errorf("%v gave\n%v, want\n%v", c.in, got, c.want)
			}
		})
	}
}

// FuzzMultiline: whatever the lines, they are all in the records, in their order, and
// no record is longer than it may be or has too many of them.
func FuzzMultiline(f *testing.F) {
	f.Add([]byte("a\n b\n{\"c\":1}\n d\ne"), uint8(3), uint8(40))
	f.Add([]byte("{\n \"a\":1\n}\nx"), uint8(9), uint8(4))
	f.Fuzz(func(t *testing.T, in []byte, most, limit uint8) {
		m := unindented(1+int(most), 1+int64(limit))
		var records []line
		split := m.splitter(func(p []byte, size int64) { records = append(records, line{string(p), size}) })
		split.write(in)
		split.end()

		lines := splitSlowly(in, len(in))
		for _, r := range records {
			object := isObject([]byte(r.text))
			first := true
			var whole strings.Builder
			for n := 0; first || int64(whole.Len()) < r.size || n == 0; n++ {
				if len(lines) == 0 {
					t.Fatalf("%q is in no line of %q", r.text, in)
				}
				if !first {
					whole.WriteByte('\n')
				}
				if n > int(most) {
					t.Fatalf("%q has more than %d lines", r.text, 1+int(most))
				}
				whole.WriteString(lines[0].text)
				lines, first = lines[1:], false
			}
			text := whole.String()
			if int64(len(text)) != r.size || !strings.HasPrefix(text, r.text) {
				t.Fatalf("the record %v of lines %q", r, text)
			}
			if !object && len(r.text) != min(len(text), 1+int(limit)) {
				t.Fatalf("%d bytes of %d are kept", len(r.text), len(text))
			}
		}
		// Empty lines at the end of a record cannot be told from its end above.
		for _, l := range lines {
			if l.text != "" {
				t.Fatalf("%q is in no record", l.text)
			}
		}
	})
}

func TestRecordIsReleasedWhenNothingHasComeForAWhile(t *testing.T) {
	const wait = 5 * time.Second
	for name, c := range map[string]struct {
		wait time.Duration
		late []time.Duration          // of the lines, each after the one before
		at   map[string]time.Duration // when each record came
	}{
		"after the time": {wait, []time.Duration{0, time.Minute},
			map[string]time.Duration{"line": wait, " 1": time.Minute + wait}},
		"each line begins it anew": {wait, []time.Duration{0, wait - 1, wait - 1, time.Minute},
			map[string]time.Duration{"line\n 1\n 2": 3*wait - 2, " 3": 2*(wait-1) + time.Minute + wait}},
		"never": {0, []time.Duration{0, time.Hour, time.Hour},
			map[string]time.Duration{"line\n 1\n 2": 2*time.Hour + time.Minute}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m := unindented(10, maxLine)
				m.timeout = 0
				if c.wait > 0 {
					if err := m.timeout.Set(c.wait.String()); err != nil {
						t.Fatal(err)
					}
				}
				r, w := io.Pipe()
				began, at := time.Now(), make(map[string]time.Duration)
				done := make(chan error)
				go func() {
					done <- copyLines(t.Context(), source{Reader: r}, m.splitter(func(p []byte, _ int64) { at[string(p)] = time.Since(began) }))
				}()
				for i, late := range c.late {
					time.Sleep(late)
					text := "line\n"
					if i > 0 {
						text = fmt.Sprintf(" %d\n", i)
					}
					if _, err := io.WriteString(w, text); err != nil {
						t.Fatal(err)
					}
				}
				time.Sleep(time.Minute)
				w.Close()
				if err := <-done; err != nil {
					t.Error(err)
				}
				if fmt.Sprint(at) != fmt.Sprint(c.at) {
					t.Errorf("records came at %v, want %v", at, c.at)
				}
			})
		})
	}
}

// While the sinks are waited for nothing can be heard, which is no silence.
func TestTimeOfTheSinksDoesNotEndARecord(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := unindented(10, maxLine)
		r, w := io.Pipe()
		var records []string
		done := make(chan error)
		go func() {
			done <- copyLines(t.Context(), source{Reader: r}, m.splitter(func(p []byte, _ int64) {
				records = append(records, string(p))
				time.Sleep(time.Hour)
			}))
		}()
		for _, text := range []string{"a\nb\n", " 1\n", " 2\n"} { // a is emitted when b comes
			if _, err := io.WriteString(w, text); err != nil {
				t.Fatal(err)
			}
		}
		w.Close()
		if err := <-done; err != nil {
			t.Error(err)
		}
		if want := []string{"a", "b\n 1\n 2"}; !slices.Equal(records, want) {
			t.Errorf("got %q, want %q", records, want)
		}
	})
}

func TestJoinedRecordsHoldLittleMemory(t *testing.T) {
	var size int64
	m := unindented(1<<30, 1<<10)
	j := m.joiner(func(_ []byte, n int64) { size = n })
	filler := bytes.Repeat([]byte(" "), 1<<16)
	for range 100 {
		j.add(filler, int64(len(filler)))
	}
	if cap(j.head) > 4<<10 {
		t.Errorf("%d bytes are held for a record of which 1024 are kept", cap(j.head))
	}
	j.release()
	if want := int64(100*(1<<16+1) - 1); size != want {
		t.Errorf("it had %d bytes, want %d", size, want)
	}
}
