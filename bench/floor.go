package main

import (
	"context"
	"log/slog"
)

// nameFloor is what is in the figure of everything that is called through log/slog, and what
// no handler can do anything about.
const nameFloor = "log/slog alone, with a handler that does nothing"

// floorArm returns that as an arm. It is no peer: nothing is written anywhere.
func floorArm(shape string) arm {
	return arm{library: nameFloor, shape: shape, sinks: 1, open: openFloor}
}

func openFloor(a arm, _ destinations) (*subject, error) {
	return &subject{log: slogCalls(nothing{}, a.shape), close: func() error { return nil }}, nil
}

// nothing is enabled, as slog.DiscardHandler is not, and does nothing.
type nothing struct{}

func (nothing) Enabled(context.Context, slog.Level) bool  { return true }
func (nothing) Handle(context.Context, slog.Record) error { return nil }
func (h nothing) WithAttrs([]slog.Attr) slog.Handler      { return h }
func (h nothing) WithGroup(string) slog.Handler           { return h }
