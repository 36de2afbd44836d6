package otlp

import (
	"time"

	"github.com/fapilog/fapilog/sink"
)

// RequestForTest returns the request with these records, as by the default settings.
func RequestForTest(batch []sink.Record) []byte {
	var c Config
	c.setDefaults()
	e := newEncoder(c)
	return e.writer().request(e.head, batch, time.Unix(1, 0))
}
