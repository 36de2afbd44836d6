package sink_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net/url"
	"time"

	"github.com/fapilog/fapilog/sink"
)

// A sink of one's own: settings, a place, and one attempt.
type beacon struct {
	Channel string
	Largest sink.Bytes
	Token   sink.Secret

	host string
}

func (b *beacon) Flags(fs *flag.FlagSet) {
	fs.StringVar(&b.Channel, "channel", b.Channel, "`name` of the channel")
	fs.Var(&b.Largest, "largest", "longest record sent")
	fs.Var(&b.Token, "token", "bearer token")
}

func (b *beacon) SetURL(u *url.URL) error {
	if u.Host == "" {
		return errors.New("host missing; want beacon://host")
	}
	b.host = u.Host
	return nil
}

func (b *beacon) Open(context.Context) (sink.Sink, error) {
	return sink.Func(func(_ context.Context, batch []sink.Record) error {
		for _, r := range batch {
			fmt.Printf("%s/%s (%v, %v): %s\n", b.host, b.Channel, b.Largest, b.Token, r.JSON)
		}
		return nil
	}), nil
}

func init() {
	sink.Register("beacon", func() sink.Opener { return &beacon{Channel: "logs"} })
}

func Example() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	s, err := sink.Open(ctx, "beacon://hill:80?largest=64KiB&token=hunter2")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer s.Close()
	if err := s.Write(ctx, []sink.Record{{JSON: []byte(`{"msg":"lit"}`)}}); err != nil {
		fmt.Println(err)
	}
	// Output:
	// hill:80/logs (64KiB, ***): {"msg":"lit"}
}

// All mistakes are reported together.
func ExampleParse() {
	_, err := sink.Parse("beacon:?chanel=x&largest=big", nil)
	fmt.Println(err)
	// Output:
	// host missing; want beacon://host
	// unknown parameter "chanel" of beacon (did you mean "channel"?)
	// parameter "largest" is "big": want a size such as 64KiB, 100MiB or 1GB, or a number of bytes
}

func ExampleMasker() {
	masker := sink.NewMasker(sink.Secrets("beacon://keeper:lantern@hill")...)
	fmt.Println(masker.Text("login as keeper:lantern failed"))
	// Output:
	// login as ***:*** failed
}
