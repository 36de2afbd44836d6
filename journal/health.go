package journal

import (
	"errors"
	"strings"
	"time"
)

// Health returns how a durable journal is doing now.
func (j *Journal) Health() Health {
	if j.store == nil {
		return Health{}
	}
	j.mu.Lock()
	lives := 0
	for _, e := range j.eras {
		if e.dead != nil && !e.gone {
			lives++
		}
	}
	unkept := j.unkept() != nil || j.active.file == nil
	j.mu.Unlock()

	st := j.store
	st.health.Lock()
	defer st.health.Unlock()
	h := Health{Dir: st.root, OnDisk: st.err == nil && !unkept, Lives: lives, Since: st.since}
	err := st.err
	if err == nil {
		err = errors.Join(st.notes...)
	}
	if err != nil {
		h.Err = strings.ReplaceAll(err.Error(), "\n", "; ")
	}
	return h
}

// tell calls onHealth if the health is not what it was told last. It is the
// custodian's.
func (j *Journal) tell() {
	st := j.store
	if st.onHealth == nil {
		return
	}
	h := j.Health()
	if !h.OnDisk && h.Err == "" {
		return // on its way back
	}
	told := st.told
	st.told = h
	if told.OnDisk != h.OnDisk || h.OnDisk && h.Err != "" && told.Err != h.Err {
		st.onHealth(h)
	}
}

// recover says that the disk is well again.
func (st *store) recovered() {
	st.health.Lock()
	defer st.health.Unlock()
	st.err, st.full, st.since = nil, false, time.Now()
}
