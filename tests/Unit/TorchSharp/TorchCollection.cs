namespace MLNet.Gpt.Tests.TorchSharp;

/// <summary>
/// Tests that draw from libtorch's global generator run one after the other, because concurrent ones would draw from
/// each other's seed.
/// </summary>
[CollectionDefinition(Name)]
public sealed class TorchCollection : ICollectionFixture<SingleThreadFixture>
{
    public const string Name = "libtorch's global generator";
}
