package loki

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/fapilog/fapilog/sink"
)

// itemsOf returns the records that err names.
func itemsOf(t *testing.T, err error) []sink.ItemError {
	t.Helper()
	var e *sink.Error
	if err != nil && !errors.As(err, &e) {
		t.Fatal(err)
	}
	if e == nil {
		return nil
	}
	if len(e.Items) == 0 {
		t.Fatalf("the error is on the whole batch: %v", err)
	}
	return e.Items
}

func TestALongLineIsCutToAnObjectThatSaysSo(t *testing.T) {
	inBubble(t, func(t *testing.T, server *fakeLoki) {
		server.maxLine = 2000
		s := server.open(func(c *Config) { c.MaxLine, c.MetadataFields = 2000, sink.List{"last"} })
		exact := `{"m":"` + strings.Repeat("x", 2000-len(`{"m":""}`)) + `"}`
		mustWrite(t, s, records(exact, `{"msg":"`+strings.Repeat("é\xff", 3000)+`","last":"7"}`))
		got := server.all()
		if len(got) != 2 {
			t.Fatalf("%d records, want 2", len(got))
		}
		cut := got[1]
		if got[0].line != exact {
			cut = got[0]
		}
		var fields struct {
			Msg          string
			Truncated    bool
			OriginalSize int `json:"original_size"`
		}
		if err := json.Unmarshal([]byte(cut.line), &fields); err != nil {
			t.Fatal(err)
		}
		if !strings.HasPrefix(fields.Msg, "é\ufffdé") || !fields.Truncated || fields.OriginalSize < 15000 || len(cut.line) > 2000 || cut.meta != `{"last":"7"}` {
			t.Errorf("%d bytes with %s: %.100s…", len(cut.line), cut.meta, cut.line)
		}
	})
}

func TestWhatIsBeyondALimitIsNotSent(t *testing.T) {
	inBubble(t, func(t *testing.T, server *fakeLoki) {
		server.maxLine, server.maxAge = 20, time.Hour
		s := server.open(func(c *Config) {
			c.MaxLine, c.LongLines, c.MaxAge, c.MaxSpan = 20, Quarantine, sink.Duration(time.Hour), sink.Duration(time.Hour)
		})
		long := `{"m":"` + strings.Repeat("x", 13) + `"}`
		batch := records(`{"n":0}`, long, `{"n":2}`, `{"n":3}`, `{"n":4}`, `{"n":5}`, `{"n":6}`)
		now := time.Now()
		batch[2].Time = now.Add(-time.Hour)
		batch[3].Time = now.Add(-time.Hour - 1)
		batch[4].Time = time.Time{}
		batch[5].Time = time.Date(1, 2, 3, 0, 0, 0, 0, time.UTC)
		batch[6].Time = time.Date(9999, 2, 3, 0, 0, 0, 0, time.UTC)
		want := []string{
			"1 too_large the line has 21 bytes, more than max-line=20",
			"3 rejected the time " + batch[3].Time.UTC().Format(time.RFC3339Nano) + " is more than max-age=1h ago",
			"5 rejected the time 0001-02-03T00:00:00Z cannot be said in nanoseconds since 1970",
			"6 rejected the time 9999-02-03T00:00:00Z cannot be said in nanoseconds since 1970",
		}
		items := itemsOf(t, write(s, batch))
		for i, item := range items {
			if got := fmt.Sprint(item.Index, " ", item.Verdict, " ", item.Err); got != want[i] {
				t.Errorf("got %s, want %s", got, want[i])
			}
		}
		if len(items) != len(want) || len(server.all()) != 3 || len(server.pushes()) != 1 {
			t.Errorf("%d are refused, %d arrived in %d requests", len(items), len(server.all()), len(server.pushes()))
		}
		if items := itemsOf(t, write(s, records(long))); len(items) != 1 || len(server.pushes()) != 1 {
			t.Errorf("%d are refused, in %d requests; there was nothing to send", len(items), len(server.pushes()))
		}
	})
}

// An answer on the whole batch counts, whatever was left out: they are left out again.
func TestAFailureIsTheWholeBatchs(t *testing.T) {
	for status, want := range map[int]string{400: "rejected", 413: "too_large", 429: "throttled", 503: "retry", 401: "park"} {
		inBubble(t, func(t *testing.T, server *fakeLoki) {
			server.set(func() {
				server.answer = func(_ int, w http.ResponseWriter) bool { w.WriteHeader(status); return true }
			})
			s := server.open(func(c *Config) { c.MaxLine, c.LongLines = 10, Quarantine })
			err := write(s, records(`{}`, `{"m":"long enough"}`))
			var e *sink.Error
			if verdictOf(err) != want || errors.As(err, &e) && len(e.Items) != 0 {
				t.Errorf("%d is %s: %+v", status, verdictOf(err), e)
			}
		})
	}
}

func TestALongLineThatIsNoObjectIsNotSent(t *testing.T) {
	inBubble(t, func(t *testing.T, server *fakeLoki) {
		s := server.open(func(c *Config) { c.MaxLine = 1 << 10 })
		items := itemsOf(t, write(s, records(strings.Repeat("x", 2000), `{}`)))
		if len(items) != 1 || items[0].Index != 0 || items[0].Verdict != sink.TooLarge || !errors.Is(items[0].Err, errNotJSON) || len(server.all()) != 1 {
			t.Errorf("%+v, %d arrived", items, len(server.all()))
		}
	})
}
