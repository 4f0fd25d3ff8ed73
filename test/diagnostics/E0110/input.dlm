train Fit(net: Net) {
  @freeze let k = net.k
  minimize k using SGD()
}
