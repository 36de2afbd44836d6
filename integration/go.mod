module github.com/fapilog/fapilog/integration

go 1.26.0

require github.com/fapilog/fapilog v0.0.0

replace github.com/fapilog/fapilog => ../
