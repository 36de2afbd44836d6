package fapilog

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fapilog/fapilog/sink"
)

// What LogAttrs writes is what log/slog's Logger writes through the same handler: in
// a bubble the time is the same too.
func TestLogAttrsWritesWhatALoggerWrites(t *testing.T) {
	group := func(h slog.Handler) slog.Handler { return h.WithGroup("g") }
	handlers := map[string]func(slog.Handler) slog.Handler{
		"plain":                 func(h slog.Handler) slog.Handler { return h },
		"with attributes":       func(h slog.Handler) slog.Handler { return h.WithAttrs([]slog.Attr{slog.Int("a", 1)}) },
		"in a group":            group,
		"in a masked group":     func(h slog.Handler) slog.Handler { return h.WithGroup("password") },
		"attributes in a group": func(h slog.Handler) slog.Handler { return group(h).WithAttrs([]slog.Attr{slog.Int("a", 1)}) },
		"group in a group": func(h slog.Handler) slog.Handler {
			return group(h.WithGroup("o").WithAttrs([]slog.Attr{slog.Int("a", 1)}))
		},
	}
	attrs := map[string][]slog.Attr{
		"none":             nil,
		"some":             {slog.String("s", `x"y`), slog.Int("n", -7), slog.Any("err", errors.New("no"))},
		"more than five":   {slog.Int("1", 1), slog.Int("2", 2), slog.Int("3", 3), slog.Int("4", 4), slog.Int("5", 5), slog.Int("6", 6), slog.Int("7", 7)},
		"an empty group":   {slog.Group("e")},
		"two empty groups": {slog.Group("e"), slog.Group("")},
		"empty and secret": {slog.Int("n", 1), slog.Group("password")},
		"elided":           {{}},
		"elided, a group":  {slog.Group("e"), {}},
		"a group":          {slog.Group("e", "k", true), slog.Duration("d", time.Second)},
		"secret":           {slog.String("token", "t"), slog.String("u", "http://u:p@h")},
	}
	for handler, derive := range handlers {
		for attr, list := range attrs {
			t.Run(handler+", "+attr, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					var got bytes.Buffer
					p, err := New(t.Context(), Config{Routes: []Route{{Sink: sink.Func(func(_ context.Context, batch []sink.Record) error {
						for _, r := range batch {
							got.Write(r.JSON)
							got.WriteByte('\n')
						}
						return nil
					})}}})
					if err != nil {
						t.Fatal(err)
					}
					h := derive(p.Handler())
					slog.New(h).LogAttrs(t.Context(), slog.LevelWarn, "m", list...)
					h.(*Handler).LogAttrs(t.Context(), slog.LevelWarn, "m", list...)
					if err := p.Close(t.Context()); err != nil {
						t.Fatal(err)
					}
					lines := bytes.Split(bytes.TrimSuffix(got.Bytes(), []byte("\n")), []byte("\n"))
					if len(lines) != 2 || !bytes.Equal(lines[0], lines[1]) {
						t.Errorf("Logger and LogAttrs wrote\n%s", got.Bytes())
					}
				})
			})
		}
	}
}

func TestLogAttrsLeavesOutWhatNoSinkWants(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, err := New(t.Context(), Config{Routes: []Route{{
			Sink:     sink.Func(func(context.Context, []sink.Record) error { return nil }),
			Delivery: Delivery{Level: slog.LevelWarn},
		}}})
		if err != nil {
			t.Fatal(err)
		}
		p.Handler().LogAttrs(t.Context(), slog.LevelInfo, "m")
		p.Handler().LogAttrs(t.Context(), slog.LevelWarn, "m")
		_ = p.Close(t.Context())
		if s := p.Stats(); s.Offered != 1 || s.Sinks[0].Delivered != 1 {
			t.Errorf("%+v", s)
		}
	})
}

func TestLogAttrsHasNoSource(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var got []byte
		p, err := New(t.Context(), Config{AddSource: true, Routes: []Route{{
			Sink: sink.Func(func(_ context.Context, batch []sink.Record) error {
				got = append(got, batch[0].JSON...)
				return nil
			}),
		}}})
		if err != nil {
			t.Fatal(err)
		}
		p.Handler().LogAttrs(t.Context(), slog.LevelInfo, "m", slog.Int("n", 1))
		_ = p.Close(t.Context())
		if !bytes.HasSuffix(got, []byte(`"level":"INFO","msg":"m","n":1}`)) {
			t.Errorf("%s", got)
		}
	})
}
