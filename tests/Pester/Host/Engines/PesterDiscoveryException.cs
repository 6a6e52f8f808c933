namespace MLNet.Gpt.PesterHost.Engines;

/// <summary>The body of a test file failed, so that its tests are not known.</summary>
internal sealed class PesterDiscoveryException(string message) : Exception(message);
