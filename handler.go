package fapilog

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/fapilog/fapilog/encode"
)

// Handler is the pipeline's front: a [slog.Handler]. All methods are safe for
// concurrent use.
type Handler struct {
	pipeline *Pipeline
	encoder  *encode.Encoder // with the attributes and groups of With and WithGroup
}

// Enabled reports whether any sink wants records of this level.
func (h *Handler) Enabled(_ context.Context, level slog.Level) bool {
	return level >= h.pipeline.levels.Load().min()
}

// Handle encodes r and appends it to the journal. It returns when the journal
// has the record, which is before any sink has it: an error means that the
// record was not accepted, never that a sink failed.
func (h *Handler) Handle(ctx context.Context, r slog.Record) error {
	return h.handle(ctx, &r, nil)
}

// LogAttrs logs a record as [slog.Logger.LogAttrs] does, at about two thirds of its
// cost: it is for hot loops. It does not ask the runtime who its caller is, so the
// record has no source, whatever Config.AddSource says. ctx may be nil.
//
// WithAttrs and WithGroup return a *Handler, as the interface slog.Handler:
//
//	h := p.Handler().WithAttrs(attrs).(*fapilog.Handler)
func (h *Handler) LogAttrs(ctx context.Context, level slog.Level, msg string, attrs ...slog.Attr) {
	if ctx == nil {
		ctx = context.Background()
	}
	if !h.Enabled(ctx, level) {
		return
	}
	r := slog.NewRecord(time.Now(), level, msg, 0)
	_ = h.handle(ctx, &r, attrs) // it is counted
}

// handle is Handle for a record and attributes behind its own.
func (h *Handler) handle(ctx context.Context, r *slog.Record, attrs []slog.Attr) (err error) {
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
	c.json = c.scratch.AppendRecord(h.encoder, c.json, r, extra, attrs)
	return p.append(c, r.Time, r.Level)
}

// WithAttrs encodes attrs now, for all records to come.
func (h *Handler) WithAttrs(attrs []slog.Attr) slog.Handler {
	if len(attrs) == 0 {
		return h
	}
	return &Handler{h.pipeline, h.encoder.WithAttrs(attrs)}
}

// WithGroup implements slog.Handler.
func (h *Handler) WithGroup(name string) slog.Handler {
	if name == "" {
		return h
	}
	return &Handler{h.pipeline, h.encoder.WithGroup(name)}
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
