namespace MLNet.Gpt.PesterHost.StandIn;

/// <summary>When a block's setup or teardown runs.</summary>
public enum SetupKind
{
    BeforeAll,
    BeforeEach,
    AfterEach,
    AfterAll,
}
