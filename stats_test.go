package fapilog

import (
	"encoding/json"
	"reflect"
	"testing"
	"time"

	"github.com/fapilog/fapilog/breaker"
)

func TestStatsAreReadBackFromTheirJSON(t *testing.T) {
	full := Stats{
		Offered: 1, Appended: 2, Closed: 3, EncodeFailed: 4, Refused: 5, JournalBytes: 6,
		Journal: &JournalStats{Dir: "/d", Name: "0f", OnDisk: true, Err: "no", Since: time.Date(2024, 2, 29, 12, 0, 0, 7, time.UTC), Lives: 2},
		Sinks: []SinkStats{{
			Name: "a", Appended: 1, Filtered: 2, Delivered: 3, Diverted: 4, Quarantined: 5,
			Dropped: map[Reason]uint64{DroppedOverflow: 6, DroppedTooLarge: 7}, Pending: 8, Attempts: 9, Failures: 10,
			Circuit: breaker.HalfOpen, Parked: true, Gone: true, PendingBytes: 11, LostBefore: 12, OldestPending: 90*time.Second + 1,
			LastSuccess: time.Date(2024, 2, 29, 12, 0, 0, 7, time.UTC), LastError: "no",
		}},
	}
	for i := range reflect.TypeFor[SinkStats]().NumField() {
		if reflect.ValueOf(full.Sinks[0]).Field(i).IsZero() {
			t.Errorf("this test does not set %s", reflect.TypeFor[SinkStats]().Field(i).Name)
		}
	}
	for _, want := range []Stats{full, {}, {Sinks: []SinkStats{{Name: "b"}, full.Sinks[0]}}} {
		text, err := json.Marshal(want)
		if err != nil {
			t.Fatal(err)
		}
		var got Stats
		if err := json.Unmarshal(text, &got); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s\nis read as %+v, %v\nwant       %+v", text, got, err, want)
		}
	}
}

func TestOldestPendingIsInSecondsInJSON(t *testing.T) {
	for text, want := range map[string]time.Duration{
		`{"oldest_pending_seconds":1.5}`: 1500 * time.Millisecond, `{"oldest_pending_seconds":1e-9}`: 1,
		`{}`: time.Hour, `null`: time.Hour, // says nothing: stays as it was
	} {
		s := SinkStats{OldestPending: time.Hour}
		if err := json.Unmarshal([]byte(text), &s); err != nil || s.OldestPending != want {
			t.Errorf("%s is %v, %v; want %v", text, s.OldestPending, err, want)
		}
	}
	for _, text := range []string{`{"oldest_pending_seconds":1e10}`, `{"oldest_pending_seconds":"1s"}`, `{"circuit":"ajar"}`, `[]`} {
		if err := json.Unmarshal([]byte(text), new(SinkStats)); err == nil {
			t.Errorf("%s is accepted", text)
		}
	}
}
