using MLNet.Gpt.Evaluation.Corpora;
using MLNet.Gpt.Evaluation.Scoring;

namespace MLNet.Gpt.Tests.Evaluation;

public class ChunkQueueTests
{
    [Fact]
    public async Task A_corpus_that_hangs_does_not_delay_the_end()
    {
        using var model = TinyModels.Create();
        using var release = new ManualResetEventSlim();
        using var cancellation = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        var left = new TaskCompletionSource();

        // Returns while the corpus is still hanging; only then is it released.
        Assert.ThrowsAny<OperationCanceledException>(
            () => new CorpusEvaluator(model).Evaluate(Corpus.FromDocuments(Documents()), cancellationToken: cancellation.Token));
        release.Set();
        await left.Task;

        IEnumerable<CorpusDocument> Documents()
        {
            try
            {
                yield return new("one", "w1 w2 w3");
                cancellation.Cancel();
                release.Wait();
                yield return new("two", "w1 w2 w3");
            }
            finally
            {
                left.SetResult();
            }
        }
    }

    [Fact]
    public void An_exception_after_the_end_is_observed()
    {
        var unobserved = new List<Exception>();
        EventHandler<UnobservedTaskExceptionEventArgs> note = (_, args) =>
        {
            lock (unobserved) unobserved.AddRange(args.Exception.InnerExceptions.Where(error => error.Message == "after the end"));
        };
        TaskScheduler.UnobservedTaskException += note;
        Run();
        for (int i = 0; i < 3; i++)
        {
            GC.Collect();
            GC.WaitForPendingFinalizers();
        }

        TaskScheduler.UnobservedTaskException -= note;
        Assert.Empty(unobserved);

        [System.Runtime.CompilerServices.MethodImpl(System.Runtime.CompilerServices.MethodImplOptions.NoInlining)]
        static void Run()
        {
            using var given = new ManualResetEventSlim();
            using var disposing = new ManualResetEventSlim();
            var source = new ChunkQueue(Pieces(), _ => true, CancellationToken.None);
            given.Wait();
            disposing.Set();
            source.Dispose();

            IEnumerable<Chunk> Pieces()
            {
                yield return new(0);
                given.Set();
                disposing.Wait();
                throw new InvalidOperationException("after the end");
            }
        }
    }

    [Fact]
    public void An_exception_in_the_corpus_is_rethrown()
    {
        using var model = TinyModels.Create();

        Assert.Equal(
            "broken",
            Assert.Throws<InvalidOperationException>(() => new CorpusEvaluator(model).Evaluate(Corpus.FromDocuments(Documents()))).Message);

        static IEnumerable<CorpusDocument> Documents()
        {
            yield return new("one", "w1 w2 w3");
            throw new InvalidOperationException("broken");
        }
    }
}
