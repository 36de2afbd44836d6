package main

import (
	"fmt"
	"slices"
	"strings"
)

// fapilogItself stands above the peers, with the same questions.
var fapilogItself = peer{
	name: nameFapilog, setup: "Pipeline.Logger, redaction on, on-full=block without limit, all else as it is",
	loses:  "with a journal in memory, at a kill, what no sink has yet; in files, nothing but with the machine; with on-full=drop-oldest, the default, the oldest for a sink that has not read them when the journal is full",
	blocks: "with on-full=block, when the journal is full; with drop-oldest, never",
}

// elsewhere are peers that only one target has; it says how they are opened.
var elsewhere = []peer{
	{
		name: "samber/slog-loki with loki-client-go", module: "github.com/samber/slog-loki/v3",
		setup:  "as its README has it: the client's defaults, 1 MiB or 1 s a batch; with JSON, and with protobuf and snappy",
		loses:  "what is refused, and what has failed 10 times; at a kill, the batch",
		blocks: "in the call, while its client sends",
	},
	{
		name: "`cat f \\| cat > g`", setup: "blocks of 128 KiB through a pipe; it does not look at what it copies",
		loses: "what is in the pipe, when the second one ends", blocks: "when the pipe is full",
	},
}

// peers returns the table of peers.
func (f *figures) peers() string {
	var b strings.Builder
	b.WriteString("| | version | as it is set up | what it can lose | where it blocks |\n|---|---|---|---|---|\n")
	for _, p := range slices.Concat([]peer{fapilogItself}, peers, elsewhere) {
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %s |\n", p.name, f.version(p), cell(p.setup), cell(p.loses), cell(p.blocks))
	}
	return b.String()
}

// version returns the peer's version when the figures were found, log/slog's as
// that of Go; empty where there is none.
func (f *figures) version(p peer) string {
	if strings.HasPrefix(p.name, "log/slog") {
		release, _, _ := strings.Cut(f.Machine.Go, " ")
		return release
	}
	for _, m := range f.Modules {
		if m.Path == p.module {
			return m.Version
		}
	}
	return ""
}
