package sinktest_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/fapilog/fapilog/sink"
	"github.com/fapilog/fapilog/sink/sinktest"
	"github.com/fapilog/fapilog/sink/sinktest/pipe"
)

// Shelf is a sink for a server that takes JSON arrays by POST and answers with how many
// records it has stored: {"stored":2}.
type Shelf struct {
	url, token string
	client     http.Client
	closed     atomic.Bool
}

// longest is how much of an answer is read.
const longest = 64 << 10

// NewShelf returns a sink. The connections are made with dial.
func NewShelf(url, token string, dial sinktest.Dial) *Shelf {
	s := &Shelf{url: url, token: token}
	s.client.Transport = &http.Transport{DialContext: dial}
	s.client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return s
}

// Write implements [sink.Sink].
func (s *Shelf) Write(ctx context.Context, batch []sink.Record) error {
	if s.closed.Load() {
		return fmt.Errorf("shelf: %w", os.ErrClosed)
	}
	body := []byte{'['}
	for _, r := range batch {
		body = fmt.Appendf(body, `{"id":"%v","time":%d,"record":%s},`, r.ID, r.Time.UnixNano(), r.JSON)
	}
	body[len(body)-1] = ']' // in place of a comma: no batch is empty

	request, err := http.NewRequestWithContext(ctx, http.MethodPost, s.url, bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("shelf: %w", err)
	}
	request.Header.Set("Authorization", "Bearer "+s.token)
	response, err := s.client.Do(request)
	if err != nil {
		return s.plain(err)
	}
	defer response.Body.Close()
	if response.StatusCode == http.StatusSwitchingProtocols {
		return errors.New("shelf: status 101") // the body is the connection itself, which ctx does not end
	}
	answer, err := io.ReadAll(io.LimitReader(response.Body, longest+1))
	if response.StatusCode/100 == 2 && (err != nil || len(answer) > longest) {
		return errors.New("shelf: the answer breaks off, or is too long") // what is stored is not known
	}
	return judge(response, answer, len(batch))
}

// plain returns err without the URL and the token, of which package http and the
// server may speak.
func (s *Shelf) plain(err error) error {
	if u, ok := errors.AsType[*url.Error](err); ok {
		err = u.Err
	}
	return errors.New("shelf: " + sink.NewMasker(s.token).Text(err.Error()))
}

// noRecordsFault are statuses that a change of the configuration helps against.
var noRecordsFault = []int{401, 402, 403, 404, 405, 406, 407, 410, 411, 414, 415, 423, 426, 431, 451, 494, 495, 496, 497}

// judge says what an answer means for n records.
func judge(r *http.Response, answer []byte, n int) error {
	e := &sink.Error{Err: fmt.Errorf("shelf: status %d", r.StatusCode), After: retryAfter(r)}
	switch status := r.StatusCode; {
	case status/100 == 2:
		var has struct{ Stored int }
		if json.Unmarshal(answer, &has) == nil && has.Stored == n {
			return nil
		}
		e.Err = fmt.Errorf("shelf: the answer does not say that %d records are stored", n)
	case status == 429:
		e.Verdict = sink.Throttled
	case status == 413:
		e.Verdict = sink.TooLarge
	case status/100 == 3, slices.Contains(noRecordsFault, status):
		e.Verdict = sink.Park
	case status/100 == 4 && status != 408 && status != 421 && status != 424 && status != 425:
		e.Verdict = sink.Rejected
	}
	return e
}

func retryAfter(r *http.Response) time.Duration {
	text := r.Header.Get("Retry-After")
	if at, err := http.ParseTime(text); err == nil {
		return max(0, time.Until(at))
	}
	seconds, _ := strconv.ParseUint(text, 10, 63) // the largest number if there are too many digits
	return time.Duration(min(seconds, 3600)) * time.Second
}

// Close implements [sink.Sink].
func (s *Shelf) Close() error {
	s.closed.Store(true)
	s.client.CloseIdleConnections()
	return nil
}

// Shelve is the server, as [sinktest.Target.Server].
func Shelve(l net.Listener, store *sinktest.Store) {
	_ = http.Serve(l, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var records []struct {
			ID     string
			Time   int64
			Record json.RawMessage
		}
		if err := json.NewDecoder(r.Body).Decode(&records); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		for _, record := range records {
			store.Add(sinktest.Stored{ID: record.ID, Time: time.Unix(0, record.Time), Text: string(record.Record)})
		}
		fmt.Fprintf(w, `{"stored":%d}`, len(records))
	}))
}

// A complete sink of one's own. This is the test that it passes:
//
//	func TestShelf(t *testing.T) {
//		sinktest.Run(t, sinktest.Target{
//			New: func(_ testing.TB, dial sinktest.Dial) sink.Sink {
//				return NewShelf("http://shelf.example/in", "a-secret-token", dial)
//			},
//			Server: Shelve,
//			HTTP:   true,
//			Want: func(r sink.Record) sinktest.Stored {
//				return sinktest.Stored{ID: r.ID.String(), Time: r.Time, Text: string(r.JSON)}
//			},
//			Table: []sinktest.Row{
//				{Answer: sinktest.OtherType, Delivered: true, Remark: "the answer itself is looked at"},
//				{First: 204, Last: 204, Verdict: sink.Retry, Remark: "there is no answer"},
//			},
//			Secrets: []string{"a-secret-token"},
//		})
//	}
func Example_sink() {
	var store sinktest.Store
	l := pipe.Listen()
	go Shelve(l, &store)
	defer l.Close()

	s := NewShelf("http://shelf.example/in", "a-secret-token", l.Dial)
	defer s.Close()
	err := s.Write(context.Background(), []sink.Record{{JSON: []byte(`{"msg":"hello"}`)}})
	fmt.Println(store.Records()[0].Text, err)
	// Output:
	// {"msg":"hello"} <nil>
}
