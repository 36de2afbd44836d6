package encode_test

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"math/rand/v2"
	"runtime"
	"testing"
	"testing/slogtest"

	"github.com/fapilog/fapilog/encode"
)

// here is a program counter of this package.
var here = func() uintptr {
	var pcs [1]uintptr
	runtime.Callers(1, pcs[:])
	return pcs[0]
}()

// handler is the least handler around an Encoder.
type handler struct {
	e   *encode.Encoder
	out *bytes.Buffer
}

func (h handler) Enabled(context.Context, slog.Level) bool { return true }

func (h handler) Handle(_ context.Context, r slog.Record) error {
	h.out.Write(append(h.e.AppendRecord(nil, &r, nil), '\n'))
	return nil
}

func (h handler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return handler{h.e.WithAttrs(attrs), h.out}
}
func (h handler) WithGroup(name string) slog.Handler { return handler{h.e.WithGroup(name), h.out} }

func TestHandlerAroundAnEncoderKeepsSlogsRules(t *testing.T) {
	var out bytes.Buffer
	slogtest.Run(t, func(t *testing.T) slog.Handler {
		out.Reset()
		return handler{newEncoder(t, encode.Options{}), &out}
	}, func(t *testing.T) map[string]any {
		var m map[string]any
		if err := json.Unmarshal(out.Bytes(), &m); err != nil {
			t.Fatal(err)
		}
		return m
	})
}

func TestRandomLinesAreThoseOfSlog(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	data := make([]byte, 600)
	for range 20_000 {
		for i := range data {
			data[i] = byte(random.Uint32())
		}
		g := &generator{data: data}
		g.line().compare(t)
	}
}

func FuzzLineIsThatOfSlog(f *testing.F) {
	random := rand.New(rand.NewPCG(3, 4))
	for range 50 {
		data := make([]byte, 200)
		for i := range data {
			data[i] = byte(random.Uint32())
		}
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		g := &generator{data: data}
		g.line().compare(t)
	})
}
