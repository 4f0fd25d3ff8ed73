import { ResNet18 } from "std/models/resnet"

/// ResNet-18 of the library.
export model Classifier() {
  @name("{path}") let net = ResNet18()
  export fn forward(x: [b, 3, 224, 224]) = net(x)
  export fn hold(x: [b, 3, 224, 224]) -> [b, 3, 224, 224] = x
}
