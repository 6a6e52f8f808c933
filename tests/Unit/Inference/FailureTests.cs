using MLNet.Gpt.Inference;

namespace MLNet.Gpt.Tests.Inference;

/// <summary>A call that fails, wherever and for whatever reason, leaves sessions unchanged and other calls unharmed.</summary>
public class FailureTests
{
    private static readonly GptConfig Config = GptModelTests.Odd;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public static TheoryData<string, Action<GptModel, GptSession[]>> Calls => new()
    {
        { "one token", (_, sessions) => sessions[0].Append([7], Cancellation) },
        { "a prompt", (_, sessions) => sessions[0].Append(RandomWeights.Ids(Config, 265, seed: 4), Cancellation) },
        { "all logits", (_, sessions) => sessions[0].Append([7, 8, 9], new float[3 * Config.VocabularySize], Cancellation) },
        { "a step", (model, sessions) => model.Step(sessions, [.. sessions.Select((_, i) => i)], Cancellation) },
    };

    [Theory]
    [MemberData(nameof(Calls))]
    public void A_failure_at_any_product_leaves_sessions_unchanged(string name, Action<GptModel, GptSession[]> call)
    {
        Assert.NotEmpty(name);
        var kernels = new HookedKernels();
        using var model = NewModel(kernels);
        GptSession[] expected = NewSessions(model, 5);
        kernels.Restart(_ => { });
        call(model, expected);
        int calls = kernels.Calls;

        GptSession[] sessions = NewSessions(model, 5);
        float[][] before = [.. sessions.Select(session => session.Logits.ToArray())];
        int[] failing = calls < 100 ? [.. Enumerable.Range(0, calls)] : [.. Enumerable.Range(0, 50), .. Enumerable.Range(calls - 50, 50)];
        foreach (int failure in failing)
        {
            kernels.Restart(number =>
            {
                if (number == failure) throw new OutOfMemoryException("of the test");
            });
            Assert.Throws<OutOfMemoryException>(() => call(model, sessions));
            Assert.All(sessions, (session, i) =>
            {
                Assert.Equal(3 + i, session.Position);
                Assert.Equal(before[i], session.Logits);
            });
        }

        kernels.Restart();
        call(model, sessions);
        Assert.All(sessions, (session, i) =>
        {
            Assert.Equal(expected[i].Position, session.Position);
            Assert.Equal(expected[i].Logits, session.Logits);
        });
        foreach (var session in sessions.Concat(expected)) session.Dispose();
    }

    [Fact]
    public void A_failure_in_the_second_pass_of_a_step_advances_no_session()
    {
        var config = Config with { LayerCount = 1, ContextLength = 3 };
        var kernels = new HookedKernels();
        var tokenizer = new CountingTokenizer(config.VocabularySize);
        using var model = GptModel.FromWeights(RandomWeights.Of(config), tokenizer, new() { ThreadCount = 2 }, kernels);
        GptSession[] sessions = [.. Enumerable.Range(0, 300).Select(_ => model.CreateSession())];
        int[] ids = RandomWeights.Ids(config, sessions.Length);
        model.Step(sessions, ids, Cancellation);
        kernels.Restart(_ => { });
        model.Step(sessions, ids, Cancellation);
        int calls = kernels.Calls;
        foreach (var session in sessions) session.Truncate(1);

        kernels.Restart(number =>
        {
            if (number == calls - 1) throw new OutOfMemoryException("of the test");
        });
        Assert.Throws<OutOfMemoryException>(() => model.Step(sessions, ids, Cancellation));
        Assert.All(sessions, session => Assert.Equal(1, session.Position));
        foreach (var session in sessions) session.Dispose();
    }

    [Fact]
    public void Interrupted_callers_throw_or_get_the_same_results_as_alone()
    {
        using var model = NewModel(kernels: null, threadCount: 4);
        int[] ids = RandomWeights.Ids(Config, 201);
        var expected = new TokenScore[200];
        model.Score(ids.AsSpan(0, 200), ids.AsSpan(1), [200], expected, Cancellation);
        int wrong = 0, right = 0, interrupted = 0;
        bool ends = false;
        Thread[] callers = [.. Enumerable.Range(0, 3).Select(_ => new Thread(() =>
        {
            while (!Volatile.Read(ref ends))
            {
                try
                {
                    var scores = new TokenScore[200];
                    model.Score(ids.AsSpan(0, 200), ids.AsSpan(1), [200], scores);
                    Interlocked.Increment(ref scores.AsSpan().SequenceEqual(expected) ? ref right : ref wrong);
                }
                catch (ThreadInterruptedException)
                {
                    Interlocked.Increment(ref interrupted);
                }
            }
        }))];
        foreach (var caller in callers) caller.Start();
        var random = new Random(5);
        long end = Environment.TickCount64 + 3000;
        while (Environment.TickCount64 < end)
        {
            callers[random.Next(2)].Interrupt();
            Thread.SpinWait(random.Next(20_000));
            if (random.Next(20) == 0) Thread.Sleep(1);
        }

        Volatile.Write(ref ends, true);
        foreach (var caller in callers) caller.Join();
        Assert.Equal(0, wrong);
        Assert.True(right > 0 && interrupted > 0, $"{right} right, {interrupted} interrupted");
    }

    [Fact]
    public async Task A_disposed_model_refuses_new_calls_while_an_old_one_finishes()
    {
        var kernels = new HookedKernels();
        var model = NewModel(kernels, threadCount: 1);
        using var session = model.CreateSession();
        int[] ids = RandomWeights.Ids(Config, 20);
        float[] expected = model.ComputeLogits(ids);
        using var inside = new ManualResetEventSlim();
        using var goesOn = new ManualResetEventSlim();
        kernels.Restart(_ =>
        {
            inside.Set();
            goesOn.Wait(Cancellation);
        });
        var running = Task.Run(() => model.ComputeLogits(ids), Cancellation);
        inside.Wait(Cancellation);
        model.Dispose();
        kernels.Restart();
        try
        {
            Assert.Throws<ObjectDisposedException>(() => model.ComputeLogits(ids));
            Assert.Throws<ObjectDisposedException>(() => model.ComputeHiddenStates(ids));
            Assert.Throws<ObjectDisposedException>(() => model.Score(ids, ids, [20], new TokenScore[20], Cancellation));
            Assert.Throws<ObjectDisposedException>(() => session.Append(ids, Cancellation));
            Assert.Throws<ObjectDisposedException>(() => model.Step([session], [1], Cancellation));
            Assert.Throws<ObjectDisposedException>(model.CreateSession);
            Assert.Throws<ObjectDisposedException>(() => model.Quantize(WeightPrecision.Int8));
            Assert.Throws<ObjectDisposedException>(() => model.Read("finalNorm.scale", 0, new float[1]));
        }
        finally
        {
            goesOn.Set();
        }

        Assert.Equal(expected, await running);
    }

    [Fact]
    public void Ids_that_another_thread_changes_are_refused_or_computed()
    {
        using var model = NewModel();
        int[] ids = RandomWeights.Ids(Config, 40);
        bool ends = false;
        var changer = new Thread(() =>
        {
            while (!Volatile.Read(ref ends))
            {
                ids[17] = 0x4000_0000;
                ids[17] = 5;
            }
        });
        changer.Start();
        Action[] calls =
        [
            () => model.ComputeLogits(ids),
            () => model.ComputeHiddenStates(ids),
            () => model.Score(ids, ids, [40], new TokenScore[40], Cancellation),
            () =>
            {
                using var session = model.CreateSession();
                session.Append(ids, Cancellation);
            },
            () =>
            {
                using var session = model.CreateSession();
                session.Append(ids, new float[40 * Config.VocabularySize], Cancellation);
            },
            () =>
            {
                GptSession[] sessions = [.. ids.Select(_ => model.CreateSession())];
                try
                {
                    model.Step(sessions, ids, Cancellation);
                }
                finally
                {
                    foreach (var session in sessions) session.Dispose();
                }
            },
        ];
        int refused = 0, computed = 0;
        try
        {
            for (int round = 0; round < 300; round++)
            {
                foreach (var call in calls)
                {
                    try
                    {
                        call();
                        computed++;
                    }
                    catch (ArgumentOutOfRangeException)
                    {
                        refused++;
                    }
                }
            }
        }
        finally
        {
            Volatile.Write(ref ends, true);
            changer.Join();
        }

        Assert.True(refused > 0 && computed > 0, $"{refused} refused, {computed} computed");
    }

    private static GptModel NewModel(HookedKernels? kernels = null, int threadCount = 2) => GptModel.FromWeights(
        RandomWeights.Of(Config), new CountingTokenizer(Config.VocabularySize), new() { ThreadCount = threadCount },
        (MLNet.Gpt.Numerics.Products.KernelSet?)kernels ?? MLNet.Gpt.Numerics.Products.KernelSet.Best);

    private static GptSession[] NewSessions(GptModel model, int count) => [.. Enumerable.Range(0, count).Select(i =>
    {
        var session = model.CreateSession();
        session.Append(RandomWeights.Ids(Config, 3 + i, seed: i), Cancellation);
        return session;
    })];
}
