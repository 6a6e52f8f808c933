using System.Diagnostics;
using System.Reflection;
using System.Runtime.InteropServices;
using System.Runtime.Loader;
using MLNet.Gpt.Tests.TorchSharp.Alone;
using MLNet.Gpt.TorchSharp;
using TorchSharp;

namespace MLNet.Gpt.Tests.TorchSharp;

[Collection(TorchCollection.Name)]
public class LibTorchTests
{
    [Fact]
    public void LibTorch_loads_and_computes()
    {
        LibTorch.EnsureLoaded();
        using var sum = torch.ones(3).sum();
        Assert.Equal(3f, sum.item<float>());
        Assert.Equal(Environment.GetEnvironmentVariable("OMP_WAIT_POLICY"), NativeEnvironment.Get("OMP_WAIT_POLICY"));
    }

    [Fact]
    public Task Portable_kernels_are_chosen_once_and_leave_the_environment_unchanged() =>
        ChildTestRun.Run("MLNet.Gpt.Tests.TorchSharp.Portable", (RetainedHeapAloneTests.Variable, "1"));

    [Fact]
    public void Variables_of_native_code_are_restored()
    {
        const string Absent = "MLNET_GPT_TESTS_ABSENT", Present = "MLNET_GPT_TESTS_PRESENT";
        using (var outer = new NativeEnvironment())
        {
            outer.Set(Present, "outer");
            using (var inner = new NativeEnvironment())
            {
                inner.Set(Present, "inner");
                inner.Set(Present, "last");
                inner.Set(Absent, "ünique");
                Assert.Equal(("last", "ünique"), (NativeEnvironment.Get(Present), NativeEnvironment.Get(Absent)));
                Assert.True(NativeEnvironment.Has(Absent));
                Assert.Null(Environment.GetEnvironmentVariable(Absent));
            }

            Assert.Equal(("outer", null), (NativeEnvironment.Get(Present), NativeEnvironment.Get(Absent)));
        }

        Assert.False(NativeEnvironment.Has(Present));
    }

    [Fact]
    public void A_thread_count_below_one_is_refused_with_the_value() =>
        Assert.Contains("0", Assert.Throws<ArgumentOutOfRangeException>(() => LibTorch.ThreadCount = 0).Message, StringComparison.Ordinal);

    [Fact]
    public async Task Several_processes_started_at_once_with_an_empty_cache_all_compute()
    {
        Assert.SkipUnless(StockLibrary.IsHere, "The remedy is for Linux on x64.");
        using var home = new TemporaryDirectory();
        var processes = Enumerable.Range(0, 4).Select(_ => StartAgain(nameof(LibTorch_loads_and_computes), home.Path)).ToList();
        foreach (var process in processes)
        {
            using (process)
            {
                var output = process.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
                await process.WaitForExitAsync(TestContext.Current.CancellationToken);
                Assert.True(process.ExitCode == 0, await output);
            }
        }

        // If the stock file loads, nothing may have been written; otherwise exactly one good copy.
        string[] files = Directory.GetFiles(home.Path, "*", SearchOption.AllDirectories);
        if (StockLoads()) Assert.Empty(files);
        else Assert.Equal(LibStdCxxPatch.Apply(StockLibrary.Read()), File.ReadAllBytes(Assert.Single(files)));
    }

    [Fact]
    public void LibTorch_loads_in_a_separate_load_context()
    {
        var context = new FolderLoadContext();
        var assembly = context.LoadFromAssemblyPath(typeof(LibTorch).Assembly.Location);
        Assert.NotSame(typeof(LibTorch).Assembly, assembly);

        assembly.GetType(typeof(LibTorch).FullName!)!.GetMethod(nameof(LibTorch.EnsureLoaded))!.Invoke(null, null);
        var torchSharp = context.Assemblies.Single(loaded => loaded.GetName().Name == "TorchSharp");
        object threads = torchSharp.GetType("TorchSharp.torch")!.GetMethod("get_num_threads")!.Invoke(null, null)!;
        Assert.InRange((int)threads, 1, 4096);
    }

    private static bool StockLoads()
    {
        LibTorch.EnsureLoaded(); // so that the library's dependencies are available
        return NativeLibrary.TryLoad(StockLibrary.FilePath, out _);
    }

    private static Process StartAgain(string test, string cacheHome)
    {
        var start = new ProcessStartInfo(Environment.ProcessPath!) { RedirectStandardOutput = true };
        start.ArgumentList.Add("-method");
        start.ArgumentList.Add($"*.{nameof(LibTorchTests)}.{test}");
        ChildTestRun.Detach(start);
        start.Environment["XDG_CACHE_HOME"] = cacheHome;
        return Process.Start(start)!;
    }

    // Like a plug-in host: loads every assembly of this folder again, and shares the framework's.
    private sealed class FolderLoadContext() : AssemblyLoadContext("tests")
    {
        protected override Assembly? Load(AssemblyName name)
        {
            string path = Path.Combine(AppContext.BaseDirectory, name.Name + ".dll");
            return File.Exists(path) ? LoadFromAssemblyPath(path) : null;
        }
    }
}
