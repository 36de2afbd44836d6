module github.com/fapilog/fapilog

go 1.26.0
