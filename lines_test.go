package fapilog

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fapilog/fapilog/journal"
	"github.com/fapilog/fapilog/sink/sinktest"
)

// messages returns what the records say.
func messages(t testing.TB, m *sinktest.Memory) (all []string) {
	t.Helper()
	for _, r := range m.Records() {
		var v struct{ Msg string }
		if err := json.Unmarshal(r.JSON, &v); err != nil {
			t.Fatalf("%v in %s", err, r.JSON)
		}
		all = append(all, v.Msg)
	}
	return all
}

func TestEachLineOfATextBecomesARecordInItsPlace(t *testing.T) {
	for text, want := range map[string][]string{
		"":                             nil,
		"\n":                           {""},
		"a":                            {"a"},
		"a\nb":                         {"a", "b"},
		"a\r\nb\r":                     {"a", "b\r"},
		"a\r\r\n\r\n":                  {"a\r", ""},
		"\n\na\n\n":                    {"", "", "a", ""},
		"a\n{\"msg\":\"b\"}\n{\"msg\"": {"a", "b", `{"msg"`},
	} {
		synctest.Test(t, func(t *testing.T) {
			var m sinktest.Memory
			p := open(t, Config{}, &m)
			if err := p.WriteLines(t.Context(), []byte(text)); err != nil {
				t.Error(err)
			}
			delivers(t, p)
			if got := messages(t, &m); !slices.Equal(got, want) {
				t.Errorf("%q gave %q, want %q", text, got, want)
			}
			if s := balanced(t, p); s.Offered != uint64(len(want)) || !s.Complete() {
				t.Errorf("%q: %+v", text, s)
			}
		})
	}
}

func TestObjectOnSeveralLinesBecomesARecordOnOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var m sinktest.Memory
		p := open(t, Config{}, &m)
		line := []byte("{\n  \"a\": 1,\r\n  \"b\": 2\n}")
		if err := p.WriteLine(t.Context(), line, int64(len(line))); err != nil {
			t.Error(err)
		}
		delivers(t, p)
		if got, want := string(m.Records()[0].JSON), `{   "a": 1,    "b": 2 }`; got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	})
}

func TestLinesOfOneTextHaveTimesThatFollowAndTheirOwnWhereTheyTellIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var m sinktest.Memory
		p := open(t, Config{Defaults: Delivery{Level: slog.LevelDebug}}, &m)
		now := time.Now()
		text := "a\n{\"time\":\"2001-02-03T04:05:06Z\",\"level\":\"debug\"}\nb\n"
		if err := p.WriteLines(t.Context(), []byte(text), slog.String("stream", "stderr")); err != nil {
			t.Fatal(err)
		}
		delivers(t, p)
		r := m.Records()
		if !r[0].Time.Equal(now) || !r[2].Time.Equal(now.Add(1)) || !r[1].Time.Equal(time.Date(2001, 2, 3, 4, 5, 6, 0, time.UTC)) {
			t.Errorf("the times are %v, %v, %v; now is %v", r[0].Time, r[1].Time, r[2].Time, now)
		}
		if r[0].Level != slog.LevelInfo || r[1].Level != slog.LevelDebug {
			t.Errorf("the levels are %v, %v", r[0].Level, r[1].Level)
		}
		for i, has := range []bool{true, false, true} {
			if strings.HasSuffix(string(r[i].JSON), `,"stream":"stderr"}`) != has {
				t.Errorf("record %d is %s", i, r[i].JSON)
			}
		}
	})
}

func TestLinesThatAreNotAcceptedAreCountedEach(t *testing.T) {
	const text = "a\nb\r\nc"
	synctest.Test(t, func(t *testing.T) {
		var m sinktest.Memory
		p := open(t, Config{}, &m)
		if err := p.WriteLines(p.insideContext(), []byte(text)); !errors.Is(err, ErrReentrant) {
			t.Errorf("from inside: %v", err)
		}
		delivers(t, p)
		if err := p.WriteLines(t.Context(), []byte(text)); !errors.Is(err, ErrClosed) {
			t.Errorf("after Close: %v", err)
		}
		if s := balanced(t, p); s.Offered != 6 || s.Refused != 3 || s.Closed != 3 || m.Len() != 0 {
			t.Errorf("%+v", s)
		}
	})
}

func TestLineThatIsLongerThanARecordIsCutAndThoseBehindItFollow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var m sinktest.Memory
		p := open(t, Config{MaxRecord: 1 << 10}, &m)
		text := "a\n" + strings.Repeat("x", 2<<10) + "\nb\n"
		if err := p.WriteLines(t.Context(), []byte(text)); err != nil {
			t.Error(err)
		}
		delivers(t, p)
		r := m.Records()
		if got := messages(t, &m); len(got) != 3 || got[0] != "a" || got[2] != "b" || len(r[1].JSON) > 1<<10 || !strings.HasSuffix(string(r[1].JSON), `,"truncated":true,"original_size":2048}`) {
			t.Errorf("%d records: %q", len(got), got)
		}
	})
}

// leaver is an attribute that ends the goroutine that reads it.
type leaver struct{}

func (leaver) LogValue() slog.Value { runtime.Goexit(); panic("unreachable") }

func TestLinesWhoseAttributesEndTheGoroutineAreCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var m sinktest.Memory
		p := open(t, Config{}, &m)
		go func() { _ = p.WriteLines(context.Background(), []byte("a\nb\n"), slog.Any("end", leaver{})) }()
		synctest.Wait()
		if err := p.WriteLines(context.Background(), []byte("c\n")); err != nil {
			t.Error(err)
		}
		delivers(t, p)
		if s := balanced(t, p); s.Offered != 3 || s.EncodeFailed != 2 || !slices.Equal(messages(t, &m), []string{"c"}) {
			t.Errorf("%+v", s)
		}
	})
}

func TestTextThatWaitsForSpaceArrivesWhole(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var m sinktest.Memory
		p := open(t, Config{Journal: journal.Config{MaxBytes: 8 << 10}, MaxRecord: 1 << 10, Defaults: Delivery{OnFull: Block, BlockTimeout: Forever}}, &m)
		text := strings.Repeat("a line of text that is one of many\n", 1000)
		if err := p.WriteLines(t.Context(), []byte(text)); err != nil {
			t.Error(err)
		}
		delivers(t, p)
		if s := balanced(t, p); s.Offered != 1000 || m.Len() != 1000 || !s.Complete() {
			t.Errorf("%d of 1000 lines: %+v", m.Len(), s)
		}
	})
}

func BenchmarkWriteLines(b *testing.B) {
	for name, line := range map[string]string{
		"text": "2026-11-22 11:00:00.001 INFO [main-1] the request was handled by a worker and took longer than expected while conn",
		"JSON": `{"time":"2026-11-22T11:00:00.001Z","level":"info","msg":"request handled","n":1,"ok":true,"user":"somebody with a name"}`,
	} {
		b.Run(name, func(b *testing.B) {
			const lines = 500
			text := []byte(strings.Repeat(line+"\n", lines))
			p := open(b, Config{Defaults: Delivery{OnFull: Block, BlockTimeout: Forever}}, discard)
			b.SetBytes(int64(len(text) / lines))
			b.ReportAllocs()
			b.ResetTimer()
			for n := 0; n < b.N; n += lines {
				if err := p.WriteLines(context.Background(), text); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
