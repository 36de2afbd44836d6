package fapilog

import (
	"flag"
	"fmt"
	"log/slog"
	"maps"
	"reflect"
	"slices"
	"time"

	"github.com/fapilog/fapilog/breaker"
)

// builtin is the first layer: what counts when nobody says anything.
var builtin = Delivery{
	Level:        slog.LevelInfo,
	BatchRecords: 1000,
	BatchBytes:   1 << 20,
	Linger:       time.Second,
	Timeout:      10 * time.Second,
	RetryBase:    200 * time.Millisecond,
	RetryMax:     30 * time.Second,
	InFlight:     1,
	Breaker:      breaker.Config{}.WithDefaults(),
	OnOpen:       Hold,
	OnFull:       DropOldest,
	BlockTimeout: 100 * time.Millisecond,
}

// none is a Linger, RetryFor or Grace of 0 that is not unset.
const none time.Duration = -1

// bind binds d's fields to the parameters of a URI. What they set is set in the
// sense of a layer: no field becomes zero.
func (d *Delivery) bind(fs *flag.FlagSet) {
	fs.Var(levelSetting(&d.Level), "level", "least `level` of a record: debug, info, warn, error, or all")
	fs.Var(countSetting(&d.BatchRecords), "batch-records", "most `records` in one batch")
	fs.Var(bytesSetting(&d.BatchBytes), "batch-bytes", "most `bytes` in one batch")
	fs.Var(durationSetting(&d.Linger, none), "linger", "how `long` a record waits for its batch to fill")
	fs.Var(durationSetting(&d.Timeout, 0), "timeout", "how `long` one attempt may take")
	fs.Var(durationSetting(&d.RetryBase, 0), "retry-base", "first backoff after a failure: a random `time` below this; it doubles")
	fs.Var(durationSetting(&d.RetryMax, 0), "retry-max", "`limit` of the backoff")
	fs.Var(durationSetting(&d.RetryFor, none), "retry-for", "drop a batch that has been tried for so `long`; 0: never")
	fs.Var(countSetting(&d.InFlight), "in-flight", "`attempts` at the same time")
	fs.Var(d.breakerSetting(), "breaker", "stop trying after consecutive failures")
	fs.Var(countSetting(&d.Breaker.Failures), "breaker-failures", "consecutive `failures` that open the circuit")
	fs.Var(durationSetting(&d.Breaker.Recovery, 0), "breaker-recovery", "how `long` the circuit stays open before a probe")
	fs.Var(countSetting(&d.Breaker.Probes), "breaker-probes", "`probes` at a time, and the successes in a row that close the circuit")
	fs.Var(choiceSetting(&d.OnOpen, onOpenNames), "on-open", "`what` to do with records while the circuit is open: hold, skip or fallback")
	fs.Var(textSetting(&d.Fallback), "fallback", "`name` of the sink to divert records to while the circuit is open")
	fs.Var(choiceSetting(&d.OnFull, onFullNames), "on-full", "`what` to do when the journal is full: drop-oldest or block")
	fs.Var(blockTimeoutSetting(&d.BlockTimeout), "block-timeout", "longest `wait` of one record with on-full=block, or forever")
	fs.Var(dirSetting(&d.Quarantine, checkDir), "quarantine", "`directory` for records that the destination refuses")
}

var (
	onOpenNames = []string{Hold: "hold", Skip: "skip", Fallback: "fallback"}
	fromNames   = []string{FromOldest: "oldest", FromEnd: "end"}
	onFullNames = []string{DropOldest: "drop-oldest", Block: "block"}
)

// set sets parameters by name, as a URI would. It returns the mistakes.
func (d *Delivery) set(values map[string]string) (mistakes []error) {
	fs := flag.NewFlagSet("", flag.ContinueOnError)
	d.bind(fs)
	for _, name := range slices.Sorted(maps.Keys(values)) {
		if fs.Lookup(name) == nil {
			mistakes = append(mistakes, fmt.Errorf("unknown parameter %q", name))
		} else if err := fs.Set(name, values[name]); err != nil {
			mistakes = append(mistakes, fmt.Errorf("parameter %q: %w", name, err))
		}
	}
	return mistakes
}

// with returns d with what later sets in place of its own.
func (d Delivery) with(later Delivery) Delivery {
	if later.Level != nil {
		d.Level = later.Level
	}
	replace(&d.BatchRecords, later.BatchRecords)
	replace(&d.BatchBytes, later.BatchBytes)
	replace(&d.Linger, later.Linger)
	replace(&d.Timeout, later.Timeout)
	replace(&d.RetryBase, later.RetryBase)
	replace(&d.RetryMax, later.RetryMax)
	replace(&d.RetryFor, later.RetryFor)
	replace(&d.InFlight, later.InFlight)
	replace(&d.Breaker.Failures, later.Breaker.Failures)
	replace(&d.Breaker.Recovery, later.Breaker.Recovery)
	replace(&d.Breaker.Probes, later.Breaker.Probes)
	d.Breaker.Off = later.Breaker.Off || d.Breaker.Off && !later.breakerOn
	replace(&d.OnOpen, later.onOpen())
	replace(&d.Fallback, later.Fallback)
	replace(&d.OnFull, later.OnFull)
	replace(&d.BlockTimeout, later.BlockTimeout)
	replace(&d.Quarantine, later.Quarantine)
	return d
}

func replace[T comparable](field *T, later T) {
	var unset T
	if later != unset {
		*field = later
	}
}

// onOpen returns d's OnOpen, which a Fallback alone implies.
func (d Delivery) onOpen() OnOpen {
	if d.OnOpen == 0 && d.Fallback != "" {
		return Fallback
	}
	return d.OnOpen
}

// complete returns all layers put together in the form in which a delivery
// uses them: 0 is 0, and a field that does not apply is zero.
func (d Delivery) complete() Delivery {
	d.Linger = max(0, d.Linger)
	d.RetryFor = max(0, d.RetryFor)
	if d.OnOpen != Fallback {
		d.Fallback = ""
	}
	d.breakerOn = false
	return d
}

// check returns the mistakes in one layer.
func (d Delivery) check() (mistakes []error) {
	negative := func(field string, is bool) {
		if is {
			mistakes = append(mistakes, fmt.Errorf("%s is negative", field))
		}
	}
	if err := checkLevel(d.Level); err != nil {
		mistakes = append(mistakes, err)
	}
	negative("BatchRecords", d.BatchRecords < 0)
	negative("BatchBytes", d.BatchBytes < 0)
	negative("Timeout", d.Timeout < 0)
	negative("RetryBase", d.RetryBase < 0)
	negative("RetryMax", d.RetryMax < 0)
	negative("InFlight", d.InFlight < 0)
	negative("BlockTimeout", d.BlockTimeout < 0 && d.BlockTimeout != Forever)
	mistakes = append(mistakes, flatten(d.Breaker.Validate())...)
	if d.OnOpen < 0 || d.OnOpen > Fallback {
		mistakes = append(mistakes, fmt.Errorf("OnOpen is %d; want Hold, Skip or Fallback", int(d.OnOpen)))
	} else if d.Fallback != "" && d.onOpen() != Fallback {
		mistakes = append(mistakes, fmt.Errorf("a fallback is named, and on-open is %s; want on-open=fallback, or no fallback", onOpenNames[d.OnOpen]))
	}
	if d.OnFull < 0 || d.OnFull > Block {
		mistakes = append(mistakes, fmt.Errorf("OnFull is %d; want DropOldest or Block", int(d.OnFull)))
	}
	return mistakes
}

// checkLevel reports a Leveler that is there and cannot answer: whoever asks
// (*slog.LevelVar)(nil) for its level panics, on any goroutine that logs.
func checkLevel(l slog.Leveler) error {
	switch v := reflect.ValueOf(l); v.Kind() {
	case reflect.Pointer, reflect.Func:
		if v.IsNil() {
			return fmt.Errorf("a nil %T as Level; want one that is set, or nil itself for the default", l)
		}
	}
	return nil
}
