import { Gpt2 } from "std/models"

/// GPT-2 small as it is shipped to answer: with its caches.
export model Gpt2Small() {
  @name("{path}") let net = Gpt2()
  export fn forward(ids: i32[b, t]) = net(ids)
  export fn decode(ids: i32[b, t], pos: i32[]) = net.decode(ids, pos)
}
