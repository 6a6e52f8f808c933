namespace MLNet.Gpt.PesterHost.Engines;

/// <summary>Chooses what runs the files.</summary>
internal static class PesterEngines
{
    /// <summary>Real pwsh with Pester 5 where the PATH has it, else the hosted engine.</summary>
    public static IPesterEngine Best() => (IPesterEngine?)PwshEngine.Find() ?? new HostedEngine();
}
