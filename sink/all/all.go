// Package all links every sink of this module, all of which need the standard
// library only:
//
//	import _ "github.com/fapilog/fapilog/sink/all"
//
// Sinks that need the client of a service are modules of their own, and are
// imported one by one: github.com/fapilog/fapilog/sink/cloudwatch.
package all

import (
	_ "github.com/fapilog/fapilog/sink/console"
	_ "github.com/fapilog/fapilog/sink/elasticsearch"
	_ "github.com/fapilog/fapilog/sink/file"
	_ "github.com/fapilog/fapilog/sink/http"
	_ "github.com/fapilog/fapilog/sink/loki"
	_ "github.com/fapilog/fapilog/sink/otlp"
	_ "github.com/fapilog/fapilog/sink/syslog"
)
