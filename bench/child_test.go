package main

import (
	"testing"
)

func TestChildWithoutARoleEndsWithAnError(t *testing.T) {
	c, err := startChild(t.Context(), "nobody")
	if err != nil {
		t.Fatal(err)
	}
	var told string
	if err := c.read(&told); err == nil {
		t.Errorf("it told %q", told)
	}
	if err := c.wait(); err == nil {
		t.Error("it ended as if all were well")
	}
}

func TestChildEndsWhenItsParentWantsNoMore(t *testing.T) {
	c, err := startChild(t.Context(), lokiRole)
	if err != nil {
		t.Fatal(err)
	}
	var addr string
	if err := c.read(&addr); err != nil || addr == "" {
		t.Errorf("it told the address %q: %v", addr, err)
	}
	if err := c.wait(); err != nil {
		t.Error(err)
	}
}
