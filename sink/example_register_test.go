package sink_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net/url"
	"strings"
	"sync"

	"github.com/fapilog/fapilog/sink"
)

// bell is the settings of a sink that rings for each record.
type bell struct {
	Sound string

	host string
}

func (b *bell) Flags(fs *flag.FlagSet) {
	fs.StringVar(&b.Sound, "sound", b.Sound, "`word` that is rung")
}

func (b *bell) SetURL(u *url.URL) error {
	if u.Host == "" {
		return errors.New("host missing; want bell://tower")
	}
	b.host = u.Host
	return nil
}

func (b *bell) Open(context.Context) (sink.Sink, error) {
	return sink.Func(func(_ context.Context, batch []sink.Record) error {
		fmt.Println(b.host+":", strings.TrimSpace(strings.Repeat(b.Sound+" ", len(batch))))
		return nil
	}), nil
}

// register is what an init function of a package with a sink does.
var register = sync.OnceFunc(func() {
	sink.Register("bell", func() sink.Opener { return &bell{Sound: "ding"} })
})

func ExampleRegister() {
	register()
	s, err := sink.Open(context.Background(), "bell://tower?sound=dong")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer s.Close()
	if err := s.Write(context.Background(), []sink.Record{{JSON: []byte(`{}`)}, {JSON: []byte(`{}`)}}); err != nil {
		fmt.Println(err)
	}
	_, err = sink.Open(context.Background(), "bel://tower")
	fmt.Println(err)
	// Output:
	// tower: dong dong
	// sink: unknown scheme "bel" (did you mean "bell"?)
}
