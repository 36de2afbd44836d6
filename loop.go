package fapilog

import "time"

// loop calls the steps of its deliveries: of one, or with Config.Serial of all
// of them in order. It owns the goroutine that the deliveries' state belongs to.
type loop struct {
	deliveries []*delivery
	wake       chan struct{} // the deliveries' own
	timer      *time.Timer
	done       chan struct{} // closed when run has returned
}

func newLoop(wake chan struct{}) *loop {
	l := &loop{wake: wake, timer: time.NewTimer(time.Hour), done: make(chan struct{})}
	l.timer.Stop()
	return l
}

// run steps the deliveries until all have stopped. Serial ones take turns: each
// begins one attempt at most, and that is waited for before the next one's turn
// comes.
func (l *loop) run() {
	defer close(l.done)
	for {
		var alarm time.Time
		again, stopped := false, 0
		for _, d := range l.deliveries {
			d.turn = true
			at := d.step(time.Now())
			for d.serial && d.live() > 0 {
				l.wait(at)
				at = d.step(time.Now())
				again = true // the wake-up may have been another's
			}
			if !at.IsZero() && (alarm.IsZero() || at.Before(alarm)) {
				alarm = at
			}
			if d.stopped {
				stopped++
			}
		}
		if stopped == len(l.deliveries) {
			break
		}
		if !again {
			l.wait(alarm)
		}
	}
	for _, d := range l.deliveries {
		d.closeSink()
	}
}

// wait returns when something woke the loop or at alarm; zero: only when woken.
func (l *loop) wait(alarm time.Time) {
	if alarm.IsZero() {
		<-l.wake
		return
	}
	l.timer.Reset(time.Until(alarm))
	select {
	case <-l.wake:
	case <-l.timer.C:
	}
	l.timer.Stop()
}
