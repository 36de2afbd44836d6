package encode_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"
	_ "time/tzdata" // a zone is needed, whatever the machine has

	"github.com/fapilog/fapilog/encode"
)

// onItsOwn is what Lines promises, made of the functions for one line. whole is e with
// room for any line.
func onItsOwn(e, whole *encode.Encoder, now time.Time, line []byte, size int64, attrs []slog.Attr) ([]byte, time.Time, slog.Level) {
	if size == int64(len(line)) {
		if out, ok := e.AppendObject(nil, line); ok {
			long, _ := whole.AppendObject(nil, line)
			at, level, hasLevel, _ := encode.Meta(long)
			if at.IsZero() {
				at = now
			}
			if !hasLevel {
				level = slog.LevelInfo
			}
			return out, at, level
		}
	}
	return e.AppendLine(nil, now, slog.LevelInfo, line, size, attrs...), now, slog.LevelInfo
}

// limited returns, for each of redact, an encoder of records with at most so many bytes,
// and one of records as long as they come.
func limited(t testing.TB, most int, redact ...encode.Redact) (pairs [][2]*encode.Encoder) {
	for _, r := range redact {
		pairs = append(pairs, [2]*encode.Encoder{
			newEncoder(t, encode.Options{MaxRecord: most, Redact: r}), newEncoder(t, encode.Options{MaxRecord: 1 << 30, Redact: r}),
		})
	}
	return pairs
}

// FuzzLinesOfOneMoment: each line becomes the record that it becomes on its own,
// whatever the line before it was.
func FuzzLinesOfOneMoment(f *testing.F) {
	for _, s := range []string{
		"plain", `{"time":"2026-11-22T11:00:00Z","level":"warn","msg":"m"}`, `{"a":"http://u:p@h","token":1}`, ` {"level":"x"} `, `{"a":1`, "x://u:p@h and more text that is no secret",
		"a \"quoted\" line with \x00, \xff and grüße that is longer than the others are", strings.Repeat("long ", 300), `{"a":"` + strings.Repeat("b", 1100) + `"}`,
	} {
		f.Add([]byte(s), uint16(0))
		f.Add([]byte(s), uint16(9))
	}
	const most = 1 << 10
	now := time.Date(2026, 11, 22, 12, 0, 0, 5, time.UTC)
	attrs := []slog.Attr{slog.String("stream", "stderr"), slog.String("password", "p")}
	encoders := limited(f, most, encode.Redact{}, encode.Redact{Off: true}, encode.Redact{Patterns: []string{"[0-9]+", "secret"}})
	f.Fuzz(func(t *testing.T, line []byte, missing uint16) {
		size := int64(len(line)) + int64(missing)
		for i, e := range encoders {
			for _, attrs := range [][]slog.Attr{nil, attrs} {
				var lines encode.Lines
				lines.Begin(e[0], now, slog.LevelInfo, attrs...)
				for _, later := range []time.Duration{0, 1, 2, 3, 4, 6, 7} { // after …5 ns
					want, wantTime, wantLevel := onItsOwn(e[0], e[1], now.Add(later), line, size, attrs)
					got, at, level := lines.Append([]byte("before"), line, size)
					if mark := fmt.Appendf(nil, `"truncated":true,"original_size":%d}`, size); missing > 0 && string(got) != "before"+string(want) {
						// The head of an object; see FuzzHeadOfAnObject.
						if object := got[len("before"):]; object[0] != '{' || !json.Valid(object) || len(object) > most || !bytes.HasSuffix(object, mark) && !bytes.Contains(line, []byte("original_size")) {
							t.Fatalf("encoder %d, %q of %d bytes became\n%s", i, line, size, got)
						}
						break
					}
					if string(got) != "before"+string(want) || !at.Equal(wantTime) || level != wantLevel {
						t.Fatalf("encoder %d, %q of %d bytes became\n%s at %v, %v, want\n%s at %v, %v", i, line, size, got, at, level, want, wantTime, wantLevel)
					}
				}
			}
		}
	})
}

// FuzzLinesOfOneText: each line of a text becomes the record that it becomes on its own,
// whatever the lines around it are.
func FuzzLinesOfOneText(f *testing.F) {
	for _, s := range []string{
		"", "\n", "a", "a\r\nb\r", "\r\n\r\n", "{}\n{}", "{\"a\":1,\n\"b\":2}\n", "{\"a\":1} \n {\"a\":2}\r\n{\"a\":3}\r", "{\"a\":1}x\n{\"a\":1}{\"a\":1}\n",
		`{"time":"2026-11-22T11:00:00Z","level":"warn","msg":"m"}` + "\nno object\n" + `{"time":"2026-11-22T11:00:00.5Z","level":"info","msg":"n","n":1.5}` + "\n",
		`{"time":3,"a":"http://h"}` + "\n" + `{"time":4,"a":"http://u:p@h"}` + "\n" + `{"time":4,"token":"x"}` + "\n" + `{"time":5,"toke":"x"}`,
		`{"ts":1,"x":[{"y":"1"},{"y":"2"}]}` + "\n" + `{"ts":1,"x":[{"z":"1"},{"y":"\\n"}]}` + "\n" + `{"a":"` + strings.Repeat("b", 1100) + "\"}\n{\"a\":\"b\"}\n",
	} {
		f.Add([]byte(s))
	}
	const most = 1 << 10
	now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	encoders := limited(f, most, encode.Redact{}, encode.Redact{Off: true}, encode.Redact{Keys: []string{"y"}, Patterns: []string{"[0-9]+"}}, encode.Redact{Keys: []string{"y", "time"}})
	var lines encode.Lines // for all texts, as one that is used again
	f.Fuzz(func(t *testing.T, text []byte) {
		before := bytes.Clone(text)
		for i, e := range encoders {
			for range 2 {
				lines.Begin(e[0], now, slog.LevelInfo)
				for rest := text; len(rest) > 0; {
					line, _, ended := bytes.Cut(rest, []byte("\n"))
					size := len(line)
					if ended {
						size++
						line = bytes.TrimSuffix(line, []byte("\r"))
					}
					got, n, at, level := lines.Next(rest)
					asked := at // a line without a time has the one that Lines gives it
					want, wantTime, wantLevel := onItsOwn(e[0], e[1], asked, line, int64(len(line)), nil)
					if n != size || string(got) != string(want) || !at.Equal(wantTime) || level != wantLevel {
						t.Fatalf("encoder %d: %q of %d bytes became\n%s at %v, %v, %d bytes, want\n%s at %v, %v", i, line, size, got, at, level, n, want, wantTime, wantLevel)
					}
					rest = rest[n:]
				}
			}
		}
		if !bytes.Equal(text, before) {
			t.Errorf("the text was changed")
		}
	})
}

func TestLongObjectKeepsItsTimeAndLevel(t *testing.T) {
	at := time.Date(2020, 1, 2, 3, 4, 5, 0, time.UTC)
	long := strings.Repeat("x", 3000)
	for name, line := range map[string]string{
		"in front":             `{"level":"error","time":"2020-01-02T03:04:05Z","msg":"boom","stack":"` + long + `"}`,
		"behind":               `{"stack":"` + long + `","msg":"boom","severity":"err","ts":"2020-01-02 03:04:05"}`,
		"nested":               `{"event":{"stack":"` + long + `"},"msg":"boom","lvl":50,"timestamp":1577934245}`,
		"with a long neighbor": `{"severity":"` + long + `","time":"` + long + `","msg":"boom","level":"error","@timestamp":"2020-01-02T03:04:05Z"}`,
	} {
		var lines encode.Lines
		lines.Begin(newEncoder(t, encode.Options{MaxRecord: 1 << 10}), time.Now(), slog.LevelInfo, slog.Int("n", 1))
		appended, told, level := lines.Append(nil, []byte(line), int64(len(line)))
		next, n, nextTold, nextLevel := lines.Next([]byte(line + "\nx"))
		if string(next) != string(appended) || n != len(line)+1 || !nextTold.Equal(told) || nextLevel != level {
			t.Errorf("%s: Next has %s of %v at %v", name, next, nextLevel, nextTold)
		}
		_, values := members(t, appended)
		if !told.Equal(at) || level != slog.LevelError || len(appended) > 1<<10 || string(values["msg"]) != `"boom"` || string(values["original_size"]) != fmt.Sprint(len(line)) {
			t.Errorf("%s: %v at %v, %s", name, level, told, appended)
		}
	}
}

func TestHeadOfAnObjectBecomesAnObject(t *testing.T) {
	long := strings.Repeat("0123456789", 3)
	for head, want := range map[string]string{
		`{"level":"error","msg":"m","stack":"` + long:                     `{"level":"error","msg":"m","stack":"012345678901234567","truncated":true,"original_size":999}`,
		`{"level":"error","msg":"m","stack":"short`:                       `{"level":"error","msg":"m","truncated":true,"original_size":999}`,
		`{"level":"error","stack":"` + long + `\u00`:                      `{"level":"error","stack":"012345678901234567","truncated":true,"original_size":999}`,
		`{"level":"error","stack":"` + long + `\ud83d`:                    `{"level":"error","stack":"012345678901234567890123","truncated":true,"original_size":999}`,
		"{\"level\":\"error\",\"a\":\"01234567890123456789ü012345678\xc3": "{\"level\":\"error\",\"a\":\"01234567890123456789\",\"truncated\":true,\"original_size\":999}",
		`{"level":"error","n":12`:                                         `{"level":"error","truncated":true,"original_size":999}`,
		`{"level":"error","n":12,`:                                        `{"level":"error","n":12,"truncated":true,"original_size":999}`,
		`{"level":"error","n":tru`:                                        `{"level":"error","truncated":true,"original_size":999}`,
		`{"level":"error","n":null`:                                       `{"level":"error","n":null,"truncated":true,"original_size":999}`,
		`{"level":"error","key`:                                           `{"level":"error","truncated":true,"original_size":999}`,
		`{"level":"error","key" `:                                         `{"level":"error","truncated":true,"original_size":999}`,
		`{"level":"error","key":`:                                         `{"level":"error","truncated":true,"original_size":999}`,
		`{"level":"error","a":[1,{"b":[2,{"c":3},[4`:                      `{"level":"error","a":[1,{"b":[2,{"c":3},[]]}],"truncated":true,"original_size":999}`,
		`{"level":"error","a":[1,{"password":[2,{"c":3},[4`:               `{"level":"error","a":[1,{"password":"***"}],"truncated":true,"original_size":999}`,
		`{"level":"error","a":[1,{"password":[2,{"c":3},[4]],"b":{"c":"x`: `{"level":"error","a":[1,{"password":"***","b":{}}],"truncated":true,"original_size":999}`,
		`{"level":"error","password":"secr`:                               `{"level":"error","password":"***","truncated":true,"original_size":999}`,
		`{"level":"error","password":{"a":1}`:                             `{"level":"error","password":"***","truncated":true,"original_size":999}`,
		`{"level":"error","u":"the address and more of it is x://u:pass`:  `{"level":"error","u":"the address and more of it ","truncated":true,"original_size":999}`,
		`{"level":"error"}` + "\n \t":                                     `{"level":"error","truncated":true,"original_size":999}`,
		"{\n\"level\":\"error\",\r\n\"a\":1":                              "{\"level\":\"error\",\"truncated\":true,\"original_size\":999}",
		// What has no member is of more use as a text.
		`{"a`: `{"level":"INFO","msg":"{\"a","truncated":true,"original_size":999}`,
		`{`:   `{"level":"INFO","msg":"{","truncated":true,"original_size":999}`,
		// This is the head of no object.
		`{"level":"error","a":1}, "b`: `{"level":"INFO","msg":"{\"level\":\"error\",\"a\":1}, \"b","truncated":true,"original_size":999}`,
		`{"level":"error",}`:          `{"level":"INFO","msg":"{\"level\":\"error\",}","truncated":true,"original_size":999}`,
	} {
		var lines encode.Lines
		lines.Begin(newEncoder(t, encode.Options{}), time.Time{}, slog.LevelInfo)
		got, _, level := lines.Append(nil, []byte(head), 999)
		if string(got) != want {
			t.Errorf("%q became\n%s, want\n%s", head, got, want)
		}
		if isObject := !strings.Contains(want, "INFO"); isObject != (level == slog.LevelError) {
			t.Errorf("%q is of level %v", head, level)
		}
	}
}

// FuzzHeadOfAnObject: wherever an object is cut, its head becomes an object with the
// members that are whole in it, and nothing secret.
func FuzzHeadOfAnObject(f *testing.F) {
	for _, s := range []string{`{}`, `{"a":[1,{"b":[]}],"c":"` + strings.Repeat(`\ud83d\ude00ü`, 9) + `"}`, `{"password":[{"a":"b"}],"n":-1.5e3,"u":"x:\/\/u:p@h"}`, ` { "level" : "error" , "d" : null } `} {
		f.Add([]byte(s), uint16(7))
	}
	plain := newEncoder(f, encode.Options{Redact: encode.Redact{Off: true}, MaxRecord: 1 << 30})
	redacting := newEncoder(f, encode.Options{MaxRecord: 1 << 30})
	f.Fuzz(func(t *testing.T, line []byte, cut uint16) {
		if !json.Valid(line) || bytes.TrimSpace(line)[0] != '{' || int(cut) >= len(line) {
			return
		}
		head := line[:cut]
		var lines encode.Lines
		lines.Begin(plain, time.Time{}, slog.LevelInfo)
		got, _, _ := lines.Append(nil, head, int64(len(line)))
		if !json.Valid(got) {
			t.Fatalf("%q became %q", head, got)
		}
		kept := map[string]string{}
		for k, v := range encode.Fields(got) {
			kept[string(k)] += string(v) + " "
		}
		end := 0
		for k, v := range encode.Fields(line) {
			end += bytes.Index(line[end:], slices.Concat([]byte{'"'}, k, []byte{'"'})) + len(k) + 2
			end += bytes.Index(line[end:], v) + len(v)
			if k := string(k); end < len(head) && k != "truncated" && k != "original_size" && !strings.Contains(kept[k], strings.NewReplacer("\r", " ", "\n", " ").Replace(string(v))) {
				t.Fatalf("%q is gone from %q: %q", k, head, got)
			}
		}
		if bytes.Contains(line, []byte("word-")) {
			return
		}
		secret := append(append([]byte(`{"a":{"pass_word":[`), line...), `,"word-815"],"b":1}}`...)
		lines.Begin(redacting, time.Time{}, slog.LevelInfo)
		for n := range secret {
			if got, _, _ := lines.Append(nil, secret[:n], int64(len(secret))); bytes.Contains(got, []byte("word-")) {
				t.Fatalf("the secret is in %q", got)
			}
		}
	})
}

func TestNextOfNothingIsAnEmptyLine(t *testing.T) {
	var lines encode.Lines
	lines.Begin(newEncoder(t, encode.Options{}), time.Time{}, slog.LevelInfo)
	if got, n, _, _ := lines.Next(nil); n != 0 || string(got) != `{"level":"INFO","msg":""}` {
		t.Errorf("%s, %d", got, n)
	}
}

// There are destinations that take two records of one time and text for one.
func TestLinesOfOneMomentHaveTimesOfTheirOwn(t *testing.T) {
	e := newEncoder(t, encode.Options{})
	summer, err := time.LoadLocation("Europe/London") // Z in winter, +01:00 in summer
	if err != nil {
		t.Fatal(err)
	}
	for _, begin := range []time.Time{
		time.Date(2026, 11, 22, 11, 0, 0, 0, time.UTC), time.Date(2026, 11, 22, 11, 0, 0, 120_000_000, time.UTC),
		time.Date(2026, 11, 22, 11, 0, 0, 999_999_995, time.UTC), time.Date(2026, 3, 29, 0, 59, 59, 999_999_995, summer),
		time.Date(9999, 12, 31, 23, 59, 59, 999_999_995, time.UTC),
	} {
		var lines encode.Lines
		lines.Begin(e, begin, slog.LevelInfo, slog.Int("n", 1))
		before := begin.Add(-1)
		for range 25 {
			got, at, _ := lines.Append(nil, []byte("same"), 4)
			if want := e.AppendLine(nil, at, slog.LevelInfo, []byte("same"), 4, slog.Int("n", 1)); !bytes.Equal(got, want) {
				t.Fatalf("got %s, want %s", got, want)
			}
			if step := at.Sub(before); step < 1 || step > 2 {
				t.Fatalf("%v comes after %v", at, before)
			}
			before = at
		}
	}
}

func TestAttributesOfLinesAreReadOnce(t *testing.T) {
	var asked int
	e := newEncoder(t, encode.Options{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		asked++
		return a
	}})
	var lines encode.Lines
	lines.Begin(e, time.Time{}, slog.LevelWarn, slog.Int("n", 1))
	for range 3 {
		if got, _, _ := lines.Append(nil, []byte("x"), 1); string(got) != `{"level":"WARN","msg":"x","n":1}` {
			t.Errorf("got %s", got)
		}
	}
	if asked != 1 {
		t.Errorf("ReplaceAttr was asked %d times", asked)
	}
}

func TestTimesOfTheSameSecondAreToldApart(t *testing.T) {
	e := newEncoder(t, encode.Options{})
	var lines encode.Lines
	lines.Begin(e, time.Time{}, slog.LevelInfo)
	second := time.Date(2026, 11, 22, 11, 0, 7, 0, time.UTC)
	for _, c := range []struct {
		text string
		want time.Time
	}{
		{"2026-11-22T11:00:07Z", second},
		{"2026-11-22T11:00:07.25Z", second.Add(250 * time.Millisecond)},
		{"2026-11-22T11:00:07.5+01:00", second.Add(-59*time.Minute - 59500*time.Millisecond)},
		{"2026-11-22T11:00:07.Z", time.Time{}},
		{"2026-11-22T11:00:07", second},
		{"2026-11-22T11:00:07,000000001", second.Add(1)},
		{"2026-11-22 11:00:07Z", second},
		{"2026-11-22T11:00:08Z", second.Add(time.Second)},
		{"2026-11-22T11:00Z", second.Add(-7 * time.Second)},
		{"2026-11-22T11:00:08", second.Add(time.Second)},
		{"2026-11-22T11:00:8", time.Time{}},
	} {
		line := []byte(`{"time":"` + c.text + `"}`)
		if _, got, _ := lines.Append(nil, line, int64(len(line))); !got.Equal(c.want) {
			t.Errorf("%s: %v, want %v", c.text, got, c.want)
		}
	}
}

// ender ends the goroutine that it is encoded on.
type ender struct{}

func (ender) LogValue() slog.Value { runtime.Goexit(); panic("unreachable") }

func TestLinesCanBeUsedAfterAnAttributeEndedTheGoroutine(t *testing.T) {
	e := newEncoder(t, encode.Options{})
	var lines encode.Lines
	done := make(chan struct{})
	go func() {
		defer close(done)
		lines.Begin(e, time.Time{}, slog.LevelInfo, slog.Any("end", ender{}))
	}()
	<-done
	lines.Begin(e, time.Time{}, slog.LevelInfo)
	if got, _, _ := lines.Append(nil, []byte("x"), 1); string(got) != `{"level":"INFO","msg":"x"}` {
		t.Errorf("got %s", got)
	}
}

// BenchmarkLines encodes lines as a program's output has them.
func BenchmarkLines(b *testing.B) {
	now := time.Now()
	for _, c := range []struct{ name, format string }{
		{"text", "2026-11-22 11:00:00.%03d INFO [main-%d] the request was handled by a worker and took longer than expected while connecting"},
		{"quoted", "11:00:00.%03d INFO [main-%d] the request \"GET /\" was handled by a worker, naïvely, and took longer than expected while connecting"},
		{"JSON", `{"time":"2026-11-22T11:00:00.%03dZ","level":"info","msg":"request handled","worker":%d,"ok":true,"user":"somebody with a name"}`},
		{"masked JSON", `{"time":"2026-11-22T11:00:00.%03dZ","level":"info","msg":"request handled","worker":%d,"ok":true,"password":"somebody's"}`},
	} {
		var all [][]byte
		for i := range 1000 {
			all = append(all, fmt.Appendf(nil, c.format, i, i%16))
		}
		b.Run(c.name, func(b *testing.B) {
			e := newEncoder(b, encode.Options{})
			buf := make([]byte, 0, 4096)
			var lines encode.Lines
			lines.Begin(e, now, slog.LevelInfo)
			b.SetBytes(int64(len(all[0])))
			b.ReportAllocs()
			i := 0
			for b.Loop() {
				line := all[i%len(all)]
				buf, _, _ = lines.Append(buf[:0], line, int64(len(line)))
				i++
			}
		})
		b.Run(c.name+", text", func(b *testing.B) {
			e := newEncoder(b, encode.Options{})
			text := bytes.Join(all, []byte("\n"))
			var lines encode.Lines
			lines.Begin(e, now, slog.LevelInfo)
			b.SetBytes(int64(len(all[0])))
			b.ReportAllocs()
			rest := text
			for b.Loop() {
				if len(rest) == 0 {
					rest = text
				}
				_, n, _, _ := lines.Next(rest)
				rest = rest[n:]
			}
		})
	}
}

func ExampleLines() {
	e, err := encode.New(encode.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	read := time.Date(2026, 11, 22, 11, 0, 0, 0, time.UTC)
	var lines encode.Lines
	lines.Begin(e, read, slog.LevelInfo, slog.String("stream", "stdout"))
	for line := range bytes.Lines([]byte("listening\n" + `{"level":"warn","msg":"slow","token":"x"}` + "\n")) {
		line = bytes.TrimSuffix(line, []byte("\n"))
		record, _, level := lines.Append(nil, line, int64(len(line)))
		fmt.Println(level, string(record))
	}
	// Output:
	// INFO {"time":"2026-11-22T11:00:00Z","level":"INFO","msg":"listening","stream":"stdout"}
	// WARN {"level":"warn","msg":"slow","token":"***"}
}
