package sinktest

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing/synctest"
	"time"

	"github.com/fapilog/fapilog/sink"
)

// deliveries are what becomes of records when all goes well.
var deliveries = []behaviour{
	{"a batch is stored whole and in order", 0, func(x *trial) {
		x.deliver(x.batch(10))
		x.wantCount(10)
	}},
	{"batches are stored one after the other", 0, func(x *trial) {
		for _, n := range []int{1, 3, 1, 20, 2} {
			x.deliver(x.batch(n))
		}
		x.wantCount(27)
	}},
	{"a batch of a thousand records is stored", 0, func(x *trial) { x.deliver(x.batch(1000)) }},
	{"a batch of 150 KB that cannot be compressed is stored", 0, func(x *trial) { x.deliver(x.large()) }},
	{"text is stored exactly", 0, func(x *trial) {
		x.deliver(x.records(
			`{"msg":"a \"quoted\" \\ text, with / and \/"}`,
			`{"msg":"two\nlines\r\nand a\ttab"}`,
			`{"msg":"zero \u0000, escape \u001b[31m and delete \u007f"}`,
			`{"msg":"naïve ☃ 𝒳 日本語 עברית"}`,
			`{"msg":"\u00e4 \ud83d\ude00 \u2028 \u2029"}`,
			`{"msg":"<script>&amp;'%7B%00{}[],:;|=+?#@ "}`,
			`{"msg":"end of a frame \u0003\u0004 --boundary-- \r\n0\r\n\r\n"}`,
			`{"msg":"  blanks at both ends  "}`,
			`{"msg":""}`,
		))
	}},
	{"values of every kind are stored", 0, func(x *trial) {
		x.deliver(x.records(
			`{"msg":"numbers","n0":0,"n1":-1,"n2":1.5,"n3":9007199254740993,"n4":1e300}`,
			`{"msg":"constants","c0":true,"c1":false,"c2":null}`,
			`{"msg":"groups","g0":{"b":{"c":{"d":"e"}}},"g1":{}}`,
			`{"msg":"lists","l0":[],"l1":[1,2],"l2":["3"],"l3":[{"c":4}]}`,
			`{"msg":"names","d.e":"dot","a b":"blank","日本":"wide","\"":"quote"}`,
		))
	}},
	{"records of every level are stored", 0, func(x *trial) {
		levels := []slog.Level{-100, -8, -4, 0, 2, 4, 8, 1000}
		objs := make([]string, len(levels))
		for i, level := range levels {
			objs[i] = fmt.Sprintf(`{"level":"%v","msg":"record %d"}`, level, i)
		}
		batch := x.records(objs...)
		for i, level := range levels {
			batch[i].Level = level
		}
		x.deliver(batch)
	}},
	{"an empty record is stored", 0, func(x *trial) {
		x.deliver(x.records(`{}`))
		x.deliver(slices.Concat(x.batch(1), x.records(`{}`), x.batch(1)))
	}},
	{"a record without a time is stored", 0, func(x *trial) {
		batch := x.batch(3)
		batch[1].Time = time.Time{}
		r := x.write(batch)
		x.wantOutcome(r, delivered)
		x.wantCount(3)
	}},
	{"records with equal times are stored in order", 0, func(x *trial) {
		batch := x.batch(20)
		for i := range batch {
			batch[i].Time = batch[0].Time
		}
		r := x.write(batch)
		x.wantOutcome(r, delivered)
		x.wantCount(20)
		for i, s := range x.stored() {
			if i < len(batch) && s.Text != x.target.want(batch[i]).Text {
				x.errorf("record %d is not in its place", i)
				return
			}
		}
	}},
	{"records of a month are stored, in as many attempts as it takes", 0, month},
	{"a record of 512 KiB is stored, or is to blame itself", 0, hugeRecord},
	{"a record that is not UTF-8 does no harm to others", 0, invalidRecord},
	{"the batch is not changed", 0, func(x *trial) {
		x.deliver(x.batch(50)) // every write looks
		x.network.set(func() { x.network.fault = refuse })
		x.write(x.batch(50))
	}},
	{"nothing of a batch is used after Write", 0, scribble},
	{"nothing of a batch is used after a Write that was cut off", needsHTTP, scribbleEarly},
	{"two records never have the same identity", 0, distinct},
	{"Writes may overlap", 0, overlap},
	{"a Write that hangs does not hold up another", needsHTTP, overtake},
	{"connections are used again", needsHTTP, func(x *trial) {
		for range 20 {
			x.deliver(x.batch(2))
		}
		if n := len(x.network.addresses()); n > 3 {
			x.errorf("%d connections were made for 20 requests, one after the other", n)
		}
	}},
	{"Write makes one attempt", needsHTTP, func(x *trial) {
		x.deliver(x.batch(1))
		for _, status := range []int{500, 503, 429, 400, 413, 401, 302} {
			before := len(x.network.posts())
			x.network.set(func() {
				x.network.handler = func(e *exchange) { e.text(status, nil, "no") }
			})
			x.wantNow(x.write(x.batch(2)))
			if n := len(x.network.posts()) - before; n != 1 {
				x.errorf("%d requests in one Write that is answered with %d", n, status)
			}
		}
	}},
}

func hugeRecord(x *trial) {
	batch := x.records(`{"msg":"` + strings.Repeat("long ", 1<<19/5) + `"}`)
	r := x.write(batch)
	switch got := outcomes(r.err, 1)[0]; got {
	case delivered:
		x.wantAll(batch)
	case sink.TooLarge.String(), sink.Rejected.String():
	default:
		x.errorf("the verdict is %s, which never ends: %s", got, short(r.err))
	}
	x.deliver(x.batch(3))
}

// month writes a batch that spans more time than some servers take in one request, or at all.
func month(x *trial) {
	batch := x.batch(31)
	for i := range batch {
		batch[i].Time = batch[i].Time.AddDate(0, 0, i-30)
	}
	var taken []sink.Record
	for len(batch) > 0 {
		var rest []sink.Record
		r := x.write(batch)
		for i, got := range outcomes(r.err, r.n) {
			switch got {
			case delivered:
				taken = append(taken, batch[i])
			case sink.Postponed.String():
				rest = append(rest, batch[i])
			case sink.Rejected.String():
			default:
				x.fatalf("record %d of %d: the verdict is %s: %s", i, r.n, got, short(r.err))
			}
		}
		if len(rest) == len(batch) {
			return // which is a deviation already
		}
		batch = rest
	}
	x.wantSome(taken)
}

func invalidRecord(x *trial) {
	batch := x.batch(3)
	batch[1].JSON = []byte("{\"msg\":\"a \xff\xfe\xc3\x28 b\"}")
	r := x.write(batch)
	got := outcomes(r.err, 3)
	switch got[1] {
	case delivered:
	case sink.Rejected.String():
		if got[0] != delivered { // the whole batch: then the others pass without it
			x.deliver([]sink.Record{batch[0], batch[2]})
		}
	default:
		x.errorf("the verdict is %s, which never ends: %s", got[1], short(r.err))
	}
	x.wantSome([]sink.Record{batch[0], batch[2]})
}

// marked is what memory is overwritten with.
const marked = "overwritten"

func overwrite(batch []sink.Record) {
	for i := range batch {
		for j := range batch[i].JSON {
			batch[i].JSON[j] = marked[j%len(marked)]
		}
		batch[i] = sink.Record{JSON: []byte(marked)}
	}
}

func scribble(x *trial) {
	batch := x.batch(10)
	kept := clone(batch)
	x.wantOutcome(x.write(batch), delivered)
	overwrite(batch)
	time.Sleep(patience)
	x.wantAll(kept)
	x.deliver(x.batch(3))
	x.wantCount(13)
	for _, s := range x.stored() {
		if strings.Contains(s.Text, marked) {
			x.errorf("the server was sent memory that was used again")
		}
	}
}

func scribbleEarly(x *trial) {
	x.network.set(func() {
		x.network.handler = func(e *exchange) {
			e.read(1000)
			time.Sleep(2 * timeout)
			e.read(0)
			e.hang()
		}
	})
	batch := x.large()
	x.write(batch)
	overwrite(batch)
	time.Sleep(patience)
	synctest.Wait()
	for _, r := range x.network.posts() {
		if bytes.Contains(r.body, []byte(marked)) {
			x.errorf("the server was sent memory that was used again")
		}
	}
}

func distinct(x *trial) {
	batch := x.batch(50)
	batch[1].JSON, batch[1].Time = bytes.Clone(batch[0].JSON), batch[0].Time.Add(time.Second) // alike, but another record
	if x.target.want(batch[0]).ID == "" {
		x.skip("the target has no identities (Stored.ID)")
	}
	x.wantOutcome(x.write(batch), delivered)
	x.wantCount(50)
	x.deliver(x.batch(50))
	seen := map[string]bool{}
	for _, s := range x.stored() {
		if s.ID == "" || seen[s.ID] {
			x.errorf("two records have the identity %q", s.ID)
			return
		}
		seen[s.ID] = true
	}
}

func overlap(x *trial) {
	var batches [][]sink.Record
	for range 64 {
		batches = append(batches, x.batch(5))
	}
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			x.do(func() {
				for j := range 8 {
					x.wantOutcome(x.write(batches[8*i+j]), delivered)
				}
			})
		})
	}
	wg.Wait()
	x.wantCount(320)
	x.wantSome(slices.Concat(batches...))
}

func overtake(x *trial) {
	x.network.set(func() { x.network.handler = (*exchange).hang })
	var wg sync.WaitGroup
	wg.Go(func() {
		x.do(func() { x.wantOutcome(x.writeWith(context.Background(), timeout, x.batch(1)), sink.Retry.String()) })
	})
	synctest.Wait()
	x.network.heal()
	x.wantNow(x.deliver(x.batch(2)))
	wg.Wait()
}

// status answers with a status and no more.
func status(code int) func(e *exchange) {
	return func(e *exchange) { e.text(code, nil, http.StatusText(code)) }
}
