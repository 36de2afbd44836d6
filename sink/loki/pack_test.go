package loki

import (
	"bytes"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/fapilog/fapilog/sink"
)

func TestARequestHasNothingOfTheOneWhoseMemoryItUses(t *testing.T) {
	c := Config{Labels: sink.List{"app=x"}, LabelFields: sink.List{"a", "level"}, MetadataFields: sink.List{"b"}}
	c.URL = &url.URL{Scheme: "http", Host: "h"}
	d, err := c.destination()
	if err != nil {
		t.Fatal(err)
	}
	now := time.Unix(1700000000, 1)
	batchOf := func(streams, size int) (batch []sink.Record) {
		for i := range 3 * streams {
			json := fmt.Sprintf(`{"a":%d,"b":"%s"}`, i%streams, strings.Repeat("b", size))
			batch = append(batch, sink.Record{Time: now, JSON: []byte(json)})
		}
		return batch
	}
	used := d.packer()
	for _, batch := range [][]sink.Record{
		batchOf(3, 40), batchOf(1, 10), batchOf(5, 100), {{Time: now, JSON: []byte(`{"b":null}`)}}, batchOf(2, 0),
	} {
		fresh, err := c.destination()
		if err != nil {
			t.Fatal(err)
		}
		want, _ := fresh.packer().pack(batch, now)
		got, refused := used.pack(batch, now)
		if !bytes.Equal(got, want) || len(refused) != 0 {
			t.Errorf("%d are refused; %s\nand with new memory %s", len(refused), got, want)
		}
		if streams, err := readPush(got); err != nil || len(streams) == 0 {
			t.Errorf("%d streams, %v in %s", len(streams), err, got)
		}
		used.release()
	}
}

func TestALineIsEscapedAlikeWhereverItsBytesStand(t *testing.T) {
	for length := range 26 {
		for at := range length {
			for _, c := range []string{`"`, `\`, `""`, `\"\"\"\"`, "\n", "\x00", "\x1f", "\x7f", "é", "\u2028"} {
				text := strings.Repeat("x", at) + c + strings.Repeat(`y"`, (length-at)/2)
				if got, want := appendLine([]byte("["), []byte(text)), appendString([]byte("["), text); !bytes.Equal(got, want) {
					t.Errorf("%q becomes %s, want %s", text, got, want)
				}
			}
		}
	}
}
