package fapilog

import (
	"context"
	"fmt"
	"log/slog"

	"github.com/fapilog/fapilog/encode"
)

// handler is the pipeline's front: a slog.Handler. It is a value of two
// pointers; what differs between handlers of one pipeline is the encoder.
type handler struct {
	pipeline *Pipeline
	encoder  *encode.Encoder // with the attributes and groups of With and WithGroup
}

// Enabled reports whether any sink wants records of this level.
func (h *handler) Enabled(_ context.Context, level slog.Level) bool {
	return level >= h.pipeline.levels.Load().min()
}

// Handle encodes r and appends it to the journal. It returns when the journal
// has the record, which is before any sink has it: an error means that the
// record was not accepted, never that a sink failed.
func (h *handler) Handle(ctx context.Context, r slog.Record) (err error) {
	p := h.pipeline
	c := p.offer()
	defer p.finish(c, &err)
	if p.inside(ctx) {
		c.outcome = refused
		return ErrReentrant
	}
	var extra []slog.Attr
	if p.config.Context != nil {
		extra = p.contextAttrs(ctx)
	}
	c.json = h.encoder.AppendRecord(c.json, r, extra)
	return p.append(c, r.Time, r.Level)
}

// WithAttrs encodes attrs now, for all records to come.
func (h *handler) WithAttrs(attrs []slog.Attr) slog.Handler {
	if len(attrs) == 0 {
		return h
	}
	return &handler{h.pipeline, h.encoder.WithAttrs(attrs)}
}

// WithGroup implements slog.Handler.
func (h *handler) WithGroup(name string) slog.Handler {
	if name == "" {
		return h
	}
	return &handler{h.pipeline, h.encoder.WithGroup(name)}
}

// contextAttrs asks Config.Context. A panic there costs its attributes, not the
// record.
func (p *Pipeline) contextAttrs(ctx context.Context) (attrs []slog.Attr) {
	defer func() {
		if v := recover(); v != nil {
			attrs = []slog.Attr{slog.String("context", fmt.Sprintf("!PANIC: %v", v))}
		}
	}()
	return p.config.Context(ctx)
}
