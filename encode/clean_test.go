package encode

import (
	"bytes"
	"strings"
	"testing"
	"time"
)

func newCleanEncoder(tb testing.TB, o Options) *Encoder {
	tb.Helper()
	e, err := New(o)
	if err != nil {
		tb.Fatal(err)
	}
	return e
}

// TestOrdinaryObjectsTakeOnePass: what programs write is not looked at twice.
func TestOrdinaryObjectsTakeOnePass(t *testing.T) {
	e := newCleanEncoder(t, Options{})
	off := newCleanEncoder(t, Options{Redact: Redact{Off: true}})
	for _, object := range []string{
		`{}`, `{ }`, `{"a":{},"b":[],"c":[{}]}`, `{"time":"2026-11-22T11:00:00Z","level":"info","msg":"served","n":-1.5e3,"ok":true,"no":false,"nil":null}`,
		`{"level":30,"time":1704164645123,"pid":1,"hostname":"h","req":{"id":[1,[2,"x"]],"url":"http://h/?a=b"},"msg":"a \"quoted\" \n\u00e9 word"}`,
		"{ \"a\" :\t[ 1 , 2 ] , \"b\" : { \"c\" : \"d\" } }", `{"@timestamp":1,"mail":"joe@example.com","url":"http://h:80/"}`, `{"msg":"grüße, 世界 🎉","":1}`, `{"a":"\\"}`,
		strings.Repeat(`{"a":`, 64) + "1" + strings.Repeat("}", 64),
	} {
		if !e.rules.clean([]byte(object), nil) || !off.rules.clean([]byte(object), nil) {
			t.Errorf("%.100s is not clean", object)
		}
	}
}

func TestWhatTakesACloserLookIsNotClean(t *testing.T) {
	e := newCleanEncoder(t, Options{Redact: Redact{Keys: []string{"x"}}})
	patterns := newCleanEncoder(t, Options{Redact: Redact{Patterns: []string{"a"}}})
	for _, object := range []string{
		`{"password":1}`, `{"a":{"api_key":1}}`, `{"a":[{"Token":1}]}`, `{"x":1}`, `{"m_a.x":1}`, `{"pass\u0077ord":1}`, `{"toſecret":1}`, `{"secret-":1}`,
		`{"a":"http://u:p@h"}`, `{"a":"http:\/\/u:p@h"}`, `{"a":"http://u:p\u0040h"}`, `{"http://u:p@h":1}`,
		`{"a":01}`, `{"a":1,}`, `{"a":1}x`, `{"a":1} `, `{"a":tru}`, "{\"a\":\"\n\"}", "{\"a\":\"\x00\"}", `{"a":"\x"}`, `{"a":"\u12g4"}`, `{"a"`, `{"a":`, `{"a":"`, `{"a":"b`, `{"`, `{`,
		`{"a":[1,]}`, `{"a":[1}`, `{"a":{]}`, `{"a" 1}`, `{a:1}`, "{\"a\":1\x00}", "{\"a\x1f\":1}", `{"a":[`, `{"a":[1`, `{"a":{`, `{"a":1`,
		strings.Repeat(`{"a":`, 65) + "1" + strings.Repeat("}", 65), `{"a":` + strings.Repeat("[", 64) + "1" + strings.Repeat("]", 64) + `}`,
	} {
		if e.rules.clean([]byte(object), nil) {
			t.Errorf("%.100s is clean", object)
		}
	}
	if patterns.rules.clean([]byte(`{"b":1}`), nil) {
		t.Error("an object is clean although patterns are set")
	}
}

// FuzzClean: an object that is clean is what the thorough way passes on with its
// bytes unchanged, and has the time and level that Meta reads.
func FuzzClean(f *testing.F) {
	for _, s := range []string{
		`{"time":"2026-11-22T11:00:00.001+01:00","level":"warn","a":[{"b":"c"},1.5,true,null]}`, `{"ts":1704164645.25,"lvl":"INFO+2","time":3,"severity":"x"}`,
		`{"a":"x@y \" \/ \u00e9","b":"://"}`, `{ "a" : { } , "b" : [ ] }`, `{"time":null,"time":5,"level":{"a":1},"level":40}`,
	} {
		f.Add([]byte(s))
	}
	encoders := []*Encoder{
		newCleanEncoder(f, Options{MaxRecord: 1 << 30}),
		newCleanEncoder(f, Options{MaxRecord: 1 << 30, Redact: Redact{Off: true}}),
		newCleanEncoder(f, Options{MaxRecord: 1 << 30, Redact: Redact{Keys: []string{"a", "time", "ü", "x_y"}}}),
	}
	f.Fuzz(func(t *testing.T, object []byte) {
		if len(object) == 0 || object[0] != '{' {
			return
		}
		for i, e := range encoders {
			var h heading
			if !e.rules.clean(object, &h) {
				continue
			}
			s := getState(e, nil)
			end, status := s.appendJSON(object, maxDepth, true)
			if out := s.release(); status != scanned || end != len(object) || !bytes.Equal(out, object) {
				t.Fatalf("encoder %d: %q is clean, but the thorough way makes it %q, status %d", i, object, out, status)
			}
			at, level, hasLevel, _ := Meta(object)
			if !at.Equal(h.t) || level != h.l || hasLevel != (h.levelRank > 0) {
				t.Fatalf("encoder %d: %q has %v, %v, %v; want %v, %v, %v", i, object, h.t, h.l, h.levelRank, at, level, hasLevel)
			}
		}
	})
}

// FuzzPlainLine holds isPlainLine against appendWhole.
func FuzzPlainLine(f *testing.F) {
	f.Add("an ordinary line of more than 48 bytes, as there are so many of them")
	f.Add("with a \x1f control character beyond the 32nd byte, \x7f\x80")
	f.Fuzz(func(t *testing.T, text string) {
		_, want := appendWhole(nil, text)
		if got := isPlainLine([]byte(text)); got != want {
			t.Errorf("%q: %v, want %v", text, got, want)
		}
	})
}

func TestEveryDayOfTheCalendarIsCountedAsPackageTimeCountsIt(t *testing.T) {
	want := int(time.Date(0, 1, 1, 0, 0, 0, 0, time.UTC).Unix() / 86400)
	for year := range 10000 {
		for month := 1; month <= 12; month++ {
			if days := time.Date(year, time.Month(month)+1, 0, 0, 0, 0, 0, time.UTC).Day(); daysIn(month, year) != days {
				t.Fatalf("%d-%d has %d days, want %d", year, month, daysIn(month, year), days)
			}
			for day := 1; day <= daysIn(month, year); day++ {
				if got := daysSince1970(year, month, day); got != want {
					t.Fatalf("%d-%d-%d is day %d, want %d", year, month, day, got, want)
				}
				want++
			}
		}
	}
}
