package cloudwatch

import (
	"fmt"
	"math"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"

	"github.com/fapilog/fapilog/sink"
	"github.com/fapilog/fapilog/sink/cloudwatch/cwtest"
)

func TestRecordsArriveAsTheyAreAtTheirTimes(t *testing.T) {
	inBubble(t, new(cwtest.Server), nil, func(t *testing.T, n *network, s sink.Sink) {
		batch := records(`{"msg":"first"}`, `{"msg":"a \"quote\", a \n, ü and 🦉"}`, "{\"msg\":\"\xff\xfe\"}", `{"msg":"without a time"}`)
		for i := range batch {
			batch[i].Time = batch[i].Time.Add(time.Duration(i)*time.Millisecond - time.Second)
		}
		batch[3].Time = time.Time{}
		if err := write(s, batch); err != nil {
			t.Fatal(err)
		}
		want := []cwtest.Event{
			{At: batch[0].Time, Message: string(batch[0].JSON)},
			{At: batch[1].Time, Message: string(batch[1].JSON)},
			{At: batch[2].Time, Message: "{\"msg\":\"\ufffd\"}"},
			{At: time.Now(), Message: string(batch[3].JSON)},
		}
		got := n.Events("app", "web")
		if !slices.EqualFunc(got, want, func(a, b cwtest.Event) bool { return a.At.Equal(b.At) && a.Message == b.Message }) {
			t.Errorf("got  %v\nwant %v", got, want)
		}
		if len(n.Requests()) != 1 {
			t.Errorf("%d requests, want 1", len(n.Requests()))
		}
	})
}

func TestABatchIsSortedByTimeAndOtherwiseStaysInOrder(t *testing.T) {
	inBubble(t, new(cwtest.Server), nil, func(t *testing.T, n *network, s sink.Sink) {
		batch := numbered(6)
		for i, ms := range []int{2, 1, 2, 0, 1, 2} {
			batch[i].Time = time.Now().Add(time.Duration(ms) * time.Millisecond)
		}
		if err := write(s, batch); err != nil {
			t.Fatal(err)
		}
		if got := strings.Join(n.texts(), ""); got != `{"n":3}{"n":1}{"n":4}{"n":0}{"n":2}{"n":5}` {
			t.Errorf("the order is %s", got)
		}
	})
}

// delivered writes batch as a pipeline does: what is to be retried in the next attempt. It returns the numbers of
// requests and of the records that were refused.
func delivered(t *testing.T, n *network, s sink.Sink, batch []sink.Record) (requests, refused int) {
	t.Helper()
	before := len(n.Requests())
	for len(batch) > 0 {
		err := write(s, batch)
		if err == nil {
			break
		}
		e, ok := err.(*sink.Error)
		if !ok || len(e.Items) == 0 {
			t.Fatal(err)
		}
		if len(e.Items) == len(batch) && e.Items[0].Verdict == sink.Retry {
			t.Fatalf("an attempt without progress: %v", err)
		}
		var left []sink.Record
		for _, item := range e.Items {
			if item.Verdict == sink.Postponed {
				left = append(left, batch[item.Index])
			} else {
				refused++
			}
		}
		batch = left
	}
	return len(n.Requests()) - before, refused
}

func TestABatchThatDoesNotFitIntoARequestTakesSeveralAttempts(t *testing.T) {
	text := func(size int) string { return `{"m":"` + strings.Repeat("x", size-len(`{"m":""}`)) + `"}` }
	for name, c := range map[string]struct {
		batch    func() []sink.Record
		requests int
	}{
		"as many as fit":          {func() []sink.Record { return numbered(10_000) }, 1},
		"one more":                {func() []sink.Record { return numbered(10_001) }, 2},
		"as large as can be":      {func() []sink.Record { return records(text(maxBytes/2-26), text(maxBytes/2-26)) }, 1},
		"one byte more":           {func() []sink.Record { return records(text(maxBytes/2-26), text(maxBytes/2-25)) }, 2},
		"one event alone":         {func() []sink.Record { return records(text(maxBytes - 26)) }, 1},
		"two of them":             {func() []sink.Record { return records(text(maxBytes-26), text(maxBytes-26)) }, 2},
		"a day":                   {func() []sink.Record { return spread(3, 12*time.Hour) }, 1},
		"a millisecond more":      {func() []sink.Record { return spread(3, 12*time.Hour+time.Millisecond) }, 2},
		"ten days":                {func() []sink.Record { return spread(241, time.Hour) }, 10},
		"hours to and fro":        {func() []sink.Record { return shuffled(spread(100, time.Hour)) }, 4},
		"by bytes and then a day": {func() []sink.Record { return append(records(text(maxBytes-40)), spread(2, 25*time.Hour)...) }, 3},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, new(cwtest.Server), nil, func(t *testing.T, n *network, s sink.Sink) {
				batch := c.batch()
				if requests, refused := delivered(t, n, s, batch); requests != c.requests || refused != 0 {
					t.Errorf("%d requests, want %d; %d refused", requests, c.requests, refused)
				}
				var want []string
				for _, r := range batch {
					want = append(want, string(r.JSON))
				}
				got := n.texts()
				slices.Sort(got)
				slices.Sort(want)
				if !slices.Equal(got, want) {
					t.Errorf("%d arrived, want %d", len(got), len(want))
				}
			})
		})
	}
}

// spread returns n records that are so far apart, the last of now.
func spread(n int, apart time.Duration) []sink.Record {
	batch := numbered(n)
	for i := range batch {
		batch[i].Time = time.Now().Add(-time.Duration(n-1-i) * apart)
	}
	return batch
}

func shuffled(batch []sink.Record) []sink.Record {
	rand.New(rand.NewPCG(1, 2)).Shuffle(len(batch), func(i, j int) { batch[i], batch[j] = batch[j], batch[i] })
	return batch
}

func TestWhatTheServiceRefusesIsRejectedOneByOne(t *testing.T) {
	const day = 24 * time.Hour
	inBubble(t, &cwtest.Server{Retention: 3 * day}, nil, func(t *testing.T, n *network, s sink.Sink) {
		batch := numbered(8)
		now := time.Now()
		for i, at := range []time.Duration{-14*day - 1e6, -3*day - 1e6, -3 * day, -day, 0, 2 * time.Hour, 2*time.Hour + 1e6, -15 * day} {
			batch[i].Time = now.Add(at)
		}
		// Each attempt takes a day of them; what is refused of it is final.
		var refused []string
		for range 10 {
			err := write(s, batch)
			if err == nil {
				break
			}
			var left []sink.Record
			for _, item := range err.(*sink.Error).Items {
				if item.Verdict == sink.Postponed {
					left = append(left, batch[item.Index])
					continue
				}
				refused = append(refused, fmt.Sprintf("%s %s %v", batch[item.Index].JSON, item.Verdict, item.Err))
			}
			if batch = left; len(batch) == 0 {
				break
			}
		}
		want := []string{
			`{"n":0} rejected ` + errTooOld.Error(), `{"n":7} rejected ` + errTooOld.Error(),
			`{"n":1} rejected ` + errExpired.Error(), `{"n":6} rejected ` + errTooNew.Error(),
		}
		if slices.Sort(refused); !slices.Equal(refused, sorted(want)) {
			t.Errorf("refused are\n%s\nwant\n%s", strings.Join(refused, "\n"), strings.Join(want, "\n"))
		}
		if got := strings.Join(n.texts(), ""); got != `{"n":2}{"n":3}{"n":4}{"n":5}` {
			t.Errorf("%s arrived", got)
		}
	})
}

func sorted(items []string) []string { slices.Sort(items); return items }

func TestRejectedIndexesArePlacesInTheRequestNotInTheBatch(t *testing.T) {
	now := time.Now()
	three := []event{{index: 5, at: now.UnixMilli()}, {index: 3, at: now.UnixMilli()}, {index: 4, at: now.UnixMilli()}}
	at := func(i int32) *int32 { return &i }
	for name, c := range map[string]struct {
		info *types.RejectedLogEventsInfo
		want string
	}{
		"none":               {nil, ""},
		"nothing":            {&types.RejectedLogEventsInfo{}, ""},
		"too old":            {&types.RejectedLogEventsInfo{TooOldLogEventEndIndex: at(2)}, "5 3 "},
		"expired":            {&types.RejectedLogEventsInfo{ExpiredLogEventEndIndex: at(1)}, "5 "},
		"too new":            {&types.RejectedLogEventsInfo{TooNewLogEventStartIndex: at(2)}, "4 "},
		"all of it":          {&types.RejectedLogEventsInfo{TooOldLogEventEndIndex: at(1), ExpiredLogEventEndIndex: at(2), TooNewLogEventStartIndex: at(2)}, "5 3 4 "},
		"from the beginning": {&types.RejectedLogEventsInfo{TooNewLogEventStartIndex: at(0)}, "5 3 4 "},
		"beyond the request": {&types.RejectedLogEventsInfo{TooOldLogEventEndIndex: at(99), TooNewLogEventStartIndex: at(-7)}, "5 3 4 "},
		"no such place":      {&types.RejectedLogEventsInfo{TooOldLogEventEndIndex: at(-1), TooNewLogEventStartIndex: at(9)}, ""},
		"the largest number": {&types.RejectedLogEventsInfo{TooNewLogEventStartIndex: at(math.MaxInt32)}, ""},
	} {
		got := ""
		for _, item := range refused(three, c.info, now) {
			got += fmt.Sprint(item.Index, " ")
		}
		if got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

func TestWhatCannotBeAnEventIsNotSent(t *testing.T) {
	inBubble(t, new(cwtest.Server), func(c *Config) { c.MaxEvent = 2 << 10 }, func(t *testing.T, n *network, s sink.Sink) {
		batch := records(`{}`, strings.Repeat("x", 2<<10-26), strings.Repeat("x", 2<<10-25), "", `{}`, `{}`, strings.Repeat("\xff", 3000))
		batch[4].Time = time.Unix(-1, 0)
		batch[5].Time = time.Date(10_000, 1, 1, 0, 0, 0, 0, time.UTC)
		got := itemsOf(t, write(s, batch))
		if want := []string{"2 too_large", "3 rejected", "4 rejected", "5 rejected"}; !slices.Equal(got, want) {
			t.Errorf("%q, want %q", got, want)
		}
		if len(n.texts()) != 3 {
			t.Errorf("%d arrived", len(n.texts()))
		}
		if got := itemsOf(t, write(s, batch[2:4])); len(got) != 2 || len(n.Requests()) != 1 {
			t.Errorf("%q, and %d requests: there was nothing to send", got, len(n.Requests()))
		}
	})
}

func TestGroupAndStreamAreCreatedWithinTheAttempt(t *testing.T) {
	for name, c := range map[string]struct {
		there func(*cwtest.Server)
		want  []string
	}{
		"both missing":       {func(*cwtest.Server) {}, []string{"PutLogEvents", "CreateLogStream", "CreateLogGroup", "CreateLogStream", "PutLogEvents"}},
		"the stream missing": {func(s *cwtest.Server) { s.Create("app", "other") }, []string{"PutLogEvents", "CreateLogStream", "PutLogEvents"}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n := serve(t, new(cwtest.Server))
				c.there(n.Server)
				s := n.open(t, nil)
				if err := write(s, numbered(2)); err != nil {
					t.Fatal(err)
				}
				if got := n.operations(); !slices.Equal(got, c.want) || len(n.texts()) != 2 {
					t.Errorf("%q, %d arrived; want %q", got, len(n.texts()), c.want)
				}
				n.Delete("app") // by someone, while it is used
				if err := write(s, numbered(3)); err != nil || len(n.texts()) != 3 {
					t.Errorf("%v, %d arrived after the group was deleted", err, len(n.texts()))
				}
			})
		})
	}
}

func TestWithoutCreateAMissingStreamParks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := serve(t, new(cwtest.Server))
		s := n.open(t, func(c *Config) { c.Create = false })
		err := write(s, numbered(1))
		if outcomeOf(err) != "park" || !strings.Contains(err.Error(), "PutLogEvents: 400 ResourceNotFoundException: The specified log stream does not exist.") {
			t.Errorf("%s: %v", outcomeOf(err), err)
		}
		if len(n.Requests()) != 1 {
			t.Errorf("%q", n.operations())
		}
	})
}

// What happens while something is created is judged as itself.
func TestCreatingCanFail(t *testing.T) {
	for name, c := range map[string]struct {
		operation, code string
		want            string
	}{
		"no permission for streams":      {"CreateLogStream", "AccessDeniedException", "park: cloudwatch: CreateLogStream: 400 AccessDeniedException"},
		"no permission for groups":       {"CreateLogGroup", "AccessDeniedException", "park: cloudwatch: CreateLogGroup: 400 AccessDeniedException"},
		"too many groups":                {"CreateLogGroup", "LimitExceededException", "park: cloudwatch: CreateLogGroup"},
		"somebody creates it too":        {"CreateLogGroup", "OperationAbortedException", "retry: cloudwatch: CreateLogGroup"},
		"somebody was faster":            {"CreateLogGroup", "ResourceAlreadyExistsException", "retry: cloudwatch: CreateLogStream: 400 ResourceNotFoundException"},
		"the stream is there, or not":    {"CreateLogStream", "ResourceAlreadyExistsException", "retry: cloudwatch: PutLogEvents: 400 ResourceNotFoundException"},
		"throttled":                      {"CreateLogStream", "ThrottlingException", "throttled: cloudwatch: CreateLogStream"},
		"the service is not well":        {"CreateLogGroup", "ServiceUnavailableException", "retry: cloudwatch: CreateLogGroup: 503 ServiceUnavailableException"},
		"the group is not yet all there": {"CreateLogStream", "ResourceNotFoundException", "retry: cloudwatch: CreateLogStream"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n := serve(t, &cwtest.Server{Answer: func(_ int, operation string, w http.ResponseWriter, _ *http.Request) bool {
					if operation == c.operation {
						cwtest.Fail(w, c.code, "no")
						return true
					}
					return false
				}})
				err := write(n.open(t, nil), numbered(1))
				if got := fmt.Sprintf("%s: %v", outcomeOf(err), err); !strings.HasPrefix(got, c.want) {
					t.Errorf("%s; want %s", got, c.want)
				}
			})
		})
	}
}

// As moto does: the index of the last event that is too old, and of the last that is too new.
func TestIndexesOfImitationsAreCorrectedByTheClock(t *testing.T) {
	now := time.Now()
	at := func(d time.Duration) int64 { return now.Add(d).UnixMilli() }
	last := func(i int32) *int32 { return &i }
	old := []event{{index: 0, at: at(-maxAge - time.Minute)}, {index: 1, at: at(-maxAge - time.Second)}, {index: 2, at: at(-maxAge)}}
	ahead := []event{{index: 0, at: at(maxAhead)}, {index: 1, at: at(maxAhead + time.Second)}, {index: 2, at: at(maxAhead + time.Minute)}}
	for name, c := range map[string]struct {
		items []sink.ItemError
		want  string
	}{
		"too old":               {refused(old, &types.RejectedLogEventsInfo{TooOldLogEventEndIndex: last(1)}, now), "0 1 "},
		"as AWS says it":        {refused(old, &types.RejectedLogEventsInfo{TooOldLogEventEndIndex: last(2)}, now), "0 1 "},
		"too new":               {refused(ahead, &types.RejectedLogEventsInfo{TooNewLogEventStartIndex: last(2)}, now), "1 2 "},
		"as AWS says it too":    {refused(ahead, &types.RejectedLogEventsInfo{TooNewLogEventStartIndex: last(1)}, now), "1 2 "},
		"nothing is said of it": {refused(old, &types.RejectedLogEventsInfo{ExpiredLogEventEndIndex: last(0)}, now), ""},
	} {
		got := ""
		for _, item := range c.items {
			got += fmt.Sprint(item.Index, " ")
		}
		if got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}
