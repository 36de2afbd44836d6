// Command loki is Grafana Loki with all targets in one process, for the tests: what
// Loki's own command does, less its version, profiles and tracing.
package main

import (
	"flag"
	"fmt"
	"os"
	"time"

	// First, as in Loki's own command: it registers a codec that others replace.
	_ "google.golang.org/grpc/encoding/proto"

	"github.com/grafana/loki/v3/pkg/loki"
	lokiruntime "github.com/grafana/loki/v3/pkg/runtime"
	_ "github.com/grafana/loki/v3/pkg/util/build"
	"github.com/grafana/loki/v3/pkg/util/cfg"
	utillog "github.com/grafana/loki/v3/pkg/util/log"
	"github.com/grafana/loki/v3/pkg/validation"
	"github.com/prometheus/client_golang/prometheus"
)

func fail(what string, err error) {
	fmt.Fprintf(os.Stderr, "%s: %v\n", what, err)
	os.Exit(1)
}

func main() {
	start := time.Now()
	var c loki.ConfigWrapper
	if err := cfg.DynamicUnmarshal(&c, os.Args[1:], flag.CommandLine); err != nil {
		fail("config", err)
	}
	c.LimitsConfig.SetGlobalOTLPConfig(c.Distributor.OTLPConfig)
	if err := c.LimitsConfig.SetDefaultPolicyStreamMapping(c.Distributor.DefaultPolicyStreamMappings); err != nil {
		fail("policy mapping", err)
	}
	validation.SetDefaultLimitsForYAMLUnmarshalling(c.LimitsConfig)
	lokiruntime.SetDefaultLimitsForYAMLUnmarshalling(c.OperationalConfig)
	c.Server.Log = utillog.InitLogger(&c.Server, prometheus.DefaultRegisterer, false)
	if err := c.Validate(); err != nil {
		fail("validate", err)
	}
	t, err := loki.New(c.Config)
	if err != nil {
		fail("init", err)
	}
	if err := t.Run(loki.RunOpts{StartTime: start}); err != nil {
		fail("run", err)
	}
}
