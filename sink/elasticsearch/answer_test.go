package elasticsearch

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fapilog/fapilog/sink"
	"github.com/fapilog/fapilog/sink/internal/httppost"
)

func TestEveryStatusOfARequestMeansWhatTheTableSays(t *testing.T) {
	for status := 200; status < 600; status++ {
		row := rowOf(httppost.Table(), status)
		if row.Delivered {
			continue // its items count
		}
		synctest.Test(t, func(t *testing.T) {
			s := serve(t, answer(status, `{"error":{"root_cause":[],"type":"t_exception","reason":"the reason"},"status":1}`), nil)
			err := write(t, s, records(3)...)
			wantError(t, err, row.Outcome(), strconv.Itoa(status))
			if status >= 400 {
				wantError(t, err, row.Outcome(), ": t_exception: the reason")
			}
		})
	}
}

func rowOf(table []httppost.Row, status int) httppost.Row {
	return table[slices.IndexFunc(table, func(r httppost.Row) bool { return r.First <= status && status <= r.Last })]
}

func TestEveryStatusOfARecordMeansWhatTheTableSays(t *testing.T) {
	for _, status := range append(statuses(), 0, 99, 100, 700) {
		synctest.Test(t, func(t *testing.T) {
			s := serve(t, answer(200, itemsOf(201, status, 200)), nil)
			err := write(t, s, records(3)...)
			row := rowOf(ItemTable(), status)
			if row.Delivered {
				if err != nil {
					t.Errorf("%d: %v", status, err)
				}
				return
			}
			wantError(t, err, "items", "1 of 3 records failed", "t_exception: why")
			var e *sink.Error
			errors.As(err, &e)
			if it := e.Items[0]; len(e.Items) != 1 || it.Index != 1 || it.Verdict.String() != row.Outcome() || !strings.HasSuffix(it.Err.Error(), ": t_exception: why") {
				t.Errorf("%d: %+v, want %s", status, e.Items, row.Outcome())
			}
		})
	}
}

func statuses() (all []int) {
	for s := 200; s < 600; s++ {
		all = append(all, s)
	}
	return all
}

func TestRefusalByARecordsOwnIndexIsThatRecords(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := serve(t, answer(200, itemsOf(201, 403)), func(c *Config) { c.Index = "logs-{tenant}" })
		var e *sink.Error
		if err := write(t, s, records(2)...); !errors.As(err, &e) || len(e.Items) != 1 || e.Items[0].Verdict != sink.Rejected {
			t.Errorf("%v", err)
		}
	})
}

func TestStateOfTheClusterIsNotHeldAgainstRecords(t *testing.T) {
	const closed, block, validation, missing = indexClosed, clusterBlock, "validation_exception", "index_not_found_exception"
	tests := []struct {
		status       int
		kind, reason string
		fixed, named sink.Verdict // where index names no member, and where it does
	}{
		{401, securityException, "token expired", sink.Park, sink.Park},
		{403, securityException, "action is unauthorized", sink.Park, sink.Rejected},
		{403, block, "index [logs] blocked by: [FORBIDDEN/8/index write (api)];", sink.Retry, sink.Rejected},
		{429, block, "disk usage exceeded flood-stage watermark", sink.Throttled, sink.Throttled},
		{503, block, "no master", sink.Retry, sink.Retry},
		{403, block, "index [logs] blocked by: [FORBIDDEN/12/index read-only / allow delete (api)];", sink.Retry, sink.Retry},
		{403, block, "blocked by: [FORBIDDEN/6/cluster read-only (api)];", sink.Retry, sink.Retry},
		{400, closed, "closed", sink.Park, sink.Rejected},
		{400, validation, "Validation Failed: 1: this action would add [2] total shards, but this cluster currently has [1000]/[1000] maximum shards open;", sink.Park, sink.Retry},
		{400, validation, "Validation Failed: 1: this action would add [2] shards, but this cluster currently has [1000]/[1000] maximum normal shards open;", sink.Park, sink.Retry},
		{400, validation, "Validation Failed: 1: something else;", sink.Rejected, sink.Rejected},
		{400, "document_parsing_exception", "maximum shards open", sink.Rejected, sink.Rejected},
		{404, missing, "no such index [logs] and [action.auto_create_index] is [false]", sink.Park, sink.Rejected},
		{400, illegalArgument, "no write index is defined for alias [logs]. The write index may be explicitly disabled using is_write_index=false", sink.Park, sink.Rejected},
		{400, illegalArgument, "pipeline with id [logs-default] does not exist", sink.Park, sink.Rejected},
		{400, "document_parsing_exception", "pipeline with id [logs-default] does not exist", sink.Rejected, sink.Rejected},
		{400, illegalArgument, "Document ID is not supported in create/index operation request", sink.Park, sink.Park},
		{400, illegalArgument, "Limit of total fields [1000] has been exceeded", sink.Rejected, sink.Rejected},
	}
	for _, test := range tests {
		body := fmt.Sprintf(`{"items":[{"create":{"status":%d,"error":{"type":%q,"reason":%q}}}]}`, test.status, test.kind, test.reason)
		for index, want := range map[string]sink.Verdict{"logs": test.fixed, "logs-{tenant}": test.named} {
			synctest.Test(t, func(t *testing.T) {
				s := serve(t, answer(200, body), func(c *Config) { c.Index = index })
				var e *sink.Error
				if err := write(t, s, records(1)...); !errors.As(err, &e) || len(e.Items) != 1 || e.Items[0].Verdict != want {
					t.Errorf("%s: %v, want %v", index, err, want)
				}
			})
		}
	}
}

// Of an index that takes no documents only a record is rejected that what is logged now
// does not go to: another day's.
func TestAnIndexThatIsShutIsHeldAgainstRecordsOfOtherDays(t *testing.T) {
	blocked := func(by string) string { return "index [logs-2024.02.29] blocked by: " + by }
	tests := []struct {
		name, kind, reason string
		today, other       sink.Verdict
	}{
		{"closed", indexClosed, "closed", sink.Park, sink.Rejected},
		{"closed, by its block", clusterBlock, blocked("[FORBIDDEN/4/index closed];"), sink.Retry, sink.Rejected},
		{"read-only", clusterBlock, blocked("[FORBIDDEN/5/index read-only (api)];"), sink.Retry, sink.Rejected},
		{"blocked for writes", clusterBlock, blocked("[FORBIDDEN/8/index write (api)];"), sink.Retry, sink.Rejected},
		{"on a full disk, version 7.6", clusterBlock, blocked("[FORBIDDEN/12/index read-only / allow delete (api)];"), sink.Retry, sink.Retry},
		{"on a full disk as well", clusterBlock, blocked("[FORBIDDEN/12/index read-only / allow delete (api)];[FORBIDDEN/8/index write (api)];"), sink.Retry, sink.Rejected},
		{"not to be read", clusterBlock, blocked("[FORBIDDEN/7/index read (api)];"), sink.Retry, sink.Retry},
		{"in a cluster without a master", clusterBlock, "blocked by: [SERVICE_UNAVAILABLE/2/no master];", sink.Retry, sink.Retry},
		{"in a cluster that makes no index", clusterBlock, "blocked by: [FORBIDDEN/10/cluster create-index blocked (api)];", sink.Retry, sink.Retry},
		{"in a cluster that is read-only", clusterBlock, "blocked by: [FORBIDDEN/6/cluster read-only (api)];" + blocked("[FORBIDDEN/8/index write (api)];"), sink.Retry, sink.Retry},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				item := fmt.Sprintf(`{"create":{"status":403,"error":{"type":%q,"reason":%q}}}`, test.kind, test.reason)
				s := serve(t, answer(200, `{"items":[`+strings.Repeat(item+",", 3)+item+`]}`), func(c *Config) { c.Index = "logs-%Y.%m.%d" })
				batch := records(4)
				now := time.Now()
				batch[0].Time, batch[1].Time, batch[2].Time, batch[3].Time = now, time.Time{}, now.AddDate(0, 0, -1), now.AddDate(0, 0, 1)
				var e *sink.Error
				if err := write(t, s, batch...); !errors.As(err, &e) || len(e.Items) != 4 {
					t.Fatal(err)
				}
				for i, want := range []sink.Verdict{test.today, test.today, test.other, test.other} {
					if got := e.Items[i].Verdict; got != want {
						t.Errorf("record %d: %v, want %v", i, got, want)
					}
				}
			})
		})
	}
}

// The one that is configured is missing for every record, whatever index it names.
func TestMissingPipelineParks(t *testing.T) {
	const body = `{"items":[{"create":{"status":400,"error":{"type":"illegal_argument_exception","reason":"pipeline with id [p] does not exist"}}}]}`
	for pipeline, want := range map[string]sink.Verdict{"p": sink.Park, "": sink.Rejected, "other": sink.Rejected} {
		synctest.Test(t, func(t *testing.T) {
			s := serve(t, answer(200, body), func(c *Config) { c.Index, c.Pipeline = "logs-{tenant}", pipeline })
			var e *sink.Error
			if err := write(t, s, records(1)...); !errors.As(err, &e) || e.Items[0].Verdict != want {
				t.Errorf("%v", err)
			}
		})
	}
}

func TestAnswerWithoutAnItemForEveryRecordIsUnknown(t *testing.T) {
	good := itemsOf(201, 201)
	tests := []struct{ name, body, want string }{
		{"empty", "", "not the answer to a bulk request"},
		{"HTML", "<html>Log in</html>", "<html>Log in</html>"},
		{"other JSON", `{"ok":true}`, "no items"},
		{"no errors and no items", `{"took":1,"errors":false}`, "no items"},
		{"null items", `{"items":null}`, "no items"},
		{"items in an object", `{"items":{"0":{},"1":{}}}`, "no items"},
		{"too few", itemsOf(201), "1 items for 2 records"},
		{"none", `{"errors":false,"items":[]}`, "0 items for 2 records"},
		{"too many", itemsOf(201, 201, 201), "more items than the 2 records sent"},
		{"very many", `{"items":[` + strings.Repeat("{},", 1<<16) + `{}]}`, "more items than the 2 records sent"},
		{"cut off", good[:len(good)-1], "not the answer"},
		{"followed by more", good + "{}", "not the answer"},
		{"too long", `{"items":[` + strings.Repeat(" ", maxAnswer) + `]}`, "8MiB"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := serve(t, answer(200, test.body), nil)
				wantError(t, write(t, s, records(2)...), "retry", "200 OK, but", test.want)
			})
		})
	}
	t.Run("reset before its end", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			s := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				_, _ = io.Copy(io.Discard, r.Body)
				w.Header().Set("Content-Length", strconv.Itoa(len(good)))
				_, _ = io.WriteString(w, good[:len(good)/2])
			}), nil)
			wantError(t, write(t, s, records(2)...), "retry")
		})
	})
	t.Run("items that are none", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			s := serve(t, answer(200, `{"items":[5,{"create":{"status":"201"}}]}`), nil)
			err := write(t, s, records(2)...)
			wantError(t, err, "items", "2 of 2 records failed; the first: no status")
		})
	})
}

// Its records are many, so each request of half as many has a shorter answer.
func TestBatchWhoseAnswerIsRightlyTooLongIsHalved(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := serve(t, answer(200, `{"items":[`+strings.Repeat(" ", 1<<20)+`]}`), func(c *Config) { c.MaxResponse = 1 << 20 })
		wantError(t, write(t, s, records(1000)...), "retry", "1MiB")
		wantError(t, write(t, s, records(2000)...), "too_large", "the answer to 2000 records is longer than 1MiB")
	})
}

func TestAnswerToAFullBatchOfFailuresFits(t *testing.T) {
	const records, bytes = 1000, 1 << 20 // the pipeline's defaults
	if n := longestAnswer(records, bytes+records*actionBytes); n > maxAnswer {
		t.Errorf("%d bytes", n)
	}
}

func TestReasonsAreShortAndHaveNoSecret(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const key = "c2VjcmV0OmtleQ"
		long := strings.Repeat("x", 1000)
		s := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			fmt.Fprintf(w, `{"items":[{"create":{"status":400,"error":{"type":"t","reason":"got %s\n%s"}}}]}`, r.Header.Get("Authorization"), long)
		}), func(c *Config) { c.APIKey = key })
		err := write(t, s, records(1)...)
		wantError(t, err, "items", "400: t: got ApiKey *** xx")
		if len(err.Error()) > 300 || strings.Contains(err.Error(), key) {
			t.Errorf("%d bytes: %v", len(err.Error()), err)
		}
	})
}

func TestRetryAfterIsKept(t *testing.T) {
	for status, body := range map[int]string{429: "", 503: "", 200: itemsOf(429, 201)} {
		synctest.Test(t, func(t *testing.T) {
			s := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Retry-After", "7")
				answer(status, body)(w, r)
			}), nil)
			var e *sink.Error
			if err := write(t, s, records(2)...); !errors.As(err, &e) || e.After != 7*time.Second {
				t.Errorf("%d: %v", status, err)
			}
		})
	}
}

// Whatever is answered, a record counts as delivered only by an item of its own.
func FuzzAnswer(f *testing.F) {
	f.Add(itemsOf(201, 201), 2)
	f.Add(itemsOf(409, 400, 503), 3)
	f.Add(`{"items":[{"create":{"status":201}},{"create":{}}]}`, 2)
	f.Add(`{"items":[[],{"error":"text"}]}`, 2)
	index, _ := compile("logs")
	s := newSink(&Config{}, index)
	f.Fuzz(func(t *testing.T, body string, n int) {
		if n < 1 || n > 1000 {
			return
		}
		e := s.judge(&httppost.Response{Status: 200, Header: http.Header{}, Body: []byte(body)}, make([]sink.Record, n), 0)
		failed := 0
		if e != nil {
			if failed = len(e.Items); failed == 0 {
				failed = n
			}
			for i, it := range e.Items {
				if it.Index < 0 || it.Index >= n || i > 0 && it.Index <= e.Items[i-1].Index {
					t.Fatalf("%+v", e.Items)
				}
			}
		}
		if delivered := n - failed; strings.Count(body, "2")+strings.Count(body, "409") < delivered {
			t.Errorf("%d of %d delivered by %q", delivered, n, body)
		}
	})
}
