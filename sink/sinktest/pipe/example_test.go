package pipe_test

import (
	"fmt"
	"net/http"

	"github.com/fapilog/fapilog/sink/sinktest/pipe"
)

func ExampleListen() {
	network := pipe.Listen()
	server := &http.Server{Handler: http.NotFoundHandler()}
	go server.Serve(network)
	defer server.Close()

	client := http.Client{Transport: &http.Transport{DialContext: network.Dial}}
	response, err := client.Get("http://anywhere/")
	if err != nil {
		fmt.Println(err)
		return
	}
	response.Body.Close()
	fmt.Println(response.Status)
	// Output:
	// 404 Not Found
}
