package otlp

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/fapilog/fapilog/sink"
)

func TestARequestHasNothingOfTheOneWhoseMemoryItUses(t *testing.T) {
	var c Config
	c.setDefaults()
	e := newEncoder(c)
	used := e.writer()
	for i, n := range []int{3, 1, 40, 2} {
		var batch []sink.Record
		for k := range n {
			json := fmt.Sprintf(`{"msg":"m","n":%d,"list":[%s1],"o":{"a":{"b":null}}}`, k, strings.Repeat(`"x",`, k))
			batch = append(batch, sink.Record{ID: sink.ID{Seq: uint64(k + 1)}, JSON: []byte(json)})
		}
		now := time.Unix(int64(i), 0)
		got, want := used.request(e.head, batch, now), newEncoder(c).writer().request(e.head, batch, now)
		if !bytes.Equal(got, want) {
			t.Errorf("request %d is %s\nand with new memory %s", i, got, want)
		}
		e.release(used)
	}
}

func TestMemoryOfAHugeRequestIsNotKept(t *testing.T) {
	var c Config
	c.setDefaults()
	for name, huge := range map[string]*writer{
		"request": {buf: make([]byte, maxKept+1)},
		"text":    {text: make([]byte, maxKept+1)},
		"members": {members: make([]member, maxKept>>6+1)},
	} {
		e := newEncoder(c)
		e.release(huge)
		if e.writer() == huge {
			t.Errorf("%s: it is kept", name)
		}
	}
}
