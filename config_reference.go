package fapilog

import (
	"flag"
	"fmt"
	"strings"

	"github.com/fapilog/fapilog/journal"
	"github.com/fapilog/fapilog/sink"
)

// Parameters returns the parameters that the URI of every sink may have besides
// the sink's own, for a reference: a flag's DefValue is what counts where nobody
// says anything, and the sink prefers nothing else. Setting them has no effect.
func Parameters() *flag.FlagSet {
	fs := flag.NewFlagSet("", flag.ContinueOnError)
	(&parameters{from: FromOldest, enabled: true, Delivery: builtin}).bind(fs)
	fs.VisitAll(func(f *flag.Flag) { f.DefValue = valueText(f) })
	return fs
}

// Variables returns the environment variables that [ConfigFromEnv] reads, for a
// reference, as flags with their names: see [Parameters]. Those of the Python
// original are aliases; see [sink.AliasOf].
func Variables() *flag.FlagSet {
	uris := "stdout"
	fs := flag.NewFlagSet("", flag.ContinueOnError)
	fs.Var(textSetting(&uris), "FAPILOG_SINKS", "`URIs` of the sinks, separated by commas; ${NAME} in one is replaced by that variable")

	c := Config{Defaults: builtin}.withDefaults()
	settings := flag.NewFlagSet("", flag.ContinueOnError)
	c.bind(settings)
	settings.VisitAll(func(f *flag.Flag) {
		name := variableName(f.Name)
		fs.Var(f.Value, name, f.Usage)
		fs.Lookup(name).DefValue = valueText(f)
		if alias, ok := aliases[f.Name]; ok {
			sink.Alias(fs, alias, name)
		}
	})
	size := fs.Lookup("FAPILOG_JOURNAL_MAX_BYTES")
	durable := journal.Config{Dir: "."}.WithDefaults()
	size.Usage += fmt.Sprintf("; with FAPILOG_JOURNAL the default is %v", sink.Bytes(durable.MaxBytes))
	return fs
}

// variableName returns the name of the variable for a parameter.
func variableName(parameter string) string {
	return envPrefix + strings.ToUpper(strings.ReplaceAll(parameter, "-", "_"))
}

// valueText returns what f is set to, as it would stand in a URI, but for
// percent-encoding.
func valueText(f *flag.Flag) string {
	if f.Name == "level" {
		return strings.ToLower(f.Value.String()) // as it is usually written; slog's is in capitals
	}
	return f.Value.String()
}
