//go:build unix

package proof

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/fapilog/fapilog/sink"
)

// keeper is a child's sink. What it was given it writes down, one write(2) for each
// batch, and only that makes a record delivered.
type keeper struct {
	worker  *worker
	place   int
	plan    sinkPlan
	file    *os.File
	shut    string
	buf     []byte
	total   uint64
	batches uint64
}

func rowFile(out, name string) string { return filepath.Join(out, name+".rows") }

func openKeeper(w *worker, place int, p sinkPlan) (*keeper, error) {
	f, err := os.OpenFile(rowFile(w.plan.Out, p.Name), os.O_RDWR|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return nil, err
	}
	// A kill can end a write(2) between two pages of it. That batch counts as not
	// delivered, so nothing is lost with the torn row.
	info, err := f.Stat()
	if err == nil {
		err = f.Truncate(info.Size() / rowBytes * rowBytes)
	}
	return &keeper{worker: w, place: place, plan: p, file: f, shut: shutFile(w.plan.Out, p.Name)}, err
}

var errUnwilling = errors.New("not now")

// Write implements [sink.Sink].
func (k *keeper) Write(ctx context.Context, batch []sink.Record) error {
	k.batches++
	switch k.plan.Mode {
	case slow:
		time.Sleep(time.Millisecond)
	case failing:
		if k.batches%2 == 0 {
			return errUnwilling
		}
	case hung:
		<-ctx.Done()
		return ctx.Err()
	case dead:
		return errUnwilling
	case gated:
		if _, err := os.Lstat(k.shut); err == nil {
			return errUnwilling
		}
	case posts:
		if err := k.post(ctx, batch); err != nil {
			return err
		}
	}
	return k.keep(batch)
}

func (k *keeper) keep(batch []sink.Record) error {
	k.buf = k.buf[:0]
	for _, r := range batch {
		p, n, ok := recognise(r)
		k.buf = row{r.ID, p, n, !ok}.appendTo(k.buf)
	}
	if _, err := k.file.Write(k.buf); err != nil {
		return err
	}
	k.total += uint64(len(batch))
	k.worker.tell(delivered, uint32(k.place), k.total)
	if k.batches%64 == 0 {
		k.worker.tellMemory()
	}
	return nil
}

// post sends the batch straight from the memory it was given in.
func (k *keeper) post(ctx context.Context, batch []sink.Record) error {
	parts := make([]io.Reader, 0, 2*len(batch))
	for _, r := range batch {
		parts = append(parts, bytes.NewReader(r.JSON), strings.NewReader("\n"))
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, k.plan.URL, io.MultiReader(parts...))
	if err != nil {
		return err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	_ = resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("status %d", resp.StatusCode)
	}
	return nil
}

// Close implements [sink.Sink].
func (k *keeper) Close() error { return k.file.Close() }

func splitLines(b []byte) []string { return strings.Split(string(b), "\n") }
