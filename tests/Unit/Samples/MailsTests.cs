using System.Text.RegularExpressions;

namespace MLNet.Gpt.Tests.Samples;

/// <summary>The mails that the samples learn from.</summary>
public sealed class MailsTests
{
    private static readonly string[] Parts = ["train", "validation", "test"];

    [Fact]
    public void Half_of_the_mails_are_spam_and_each_has_a_label_and_a_text_without_personal_details()
    {
        var mails = Parts.SelectMany(Read).ToArray();

        Assert.Equal(mails.Length, 2 * mails.Count(mail => mail.Label == "spam"));
        Assert.All(mails, mail =>
        {
            Assert.True(mail.Label is "spam" or "ham", mail.Label);
            Assert.InRange(mail.Text.Length, 60, 480);
            Assert.DoesNotMatch(@"[^ -~]|""", mail.Text);
            Assert.DoesNotMatch(@"[\w.]@\w+\.\w|https?:|www\.|(?<![\w.])\d+\.\d+\.\d+\.\d+|\bP\.?O\.? ?Box", mail.Text);
            Assert.DoesNotMatch(@"(?<![$\d,.])\d{3}[- .]\d{3}[- .]\d{4}", mail.Text);
        });
    }

    [Fact]
    public void No_text_is_nearly_that_of_another()
    {
        var seen = new Dictionary<string, int>(); // a run of four words -> the first mail that has it
        var runs = Parts.SelectMany(Read).Select(mail => Runs(mail.Text)).ToArray();
        for (int i = 0; i < runs.Length; i++)
        {
            var common = runs[i].Where(seen.ContainsKey).CountBy(run => seen[run]);
            Assert.All(common, other => Assert.True(other.Value < 0.15 * Math.Min(runs[i].Count, runs[other.Key].Count)));
            foreach (string run in runs[i]) seen.TryAdd(run, i);
        }
    }

    private static HashSet<string> Runs(string text)
    {
        string[] words = [.. Regex.Matches(text.ToLowerInvariant(), "[a-z]+").Select(match => match.Value)];
        return [.. Enumerable.Range(0, Math.Max(0, words.Length - 3)).Select(i => string.Join(' ', words[i..(i + 4)]))];
    }

    private static IEnumerable<(string Label, string Text)> Read(string part) =>
        File.ReadLines(Path.Combine(Repository.Root, "samples", "Data", "mails", part + ".tsv")).Skip(1)
            .Select(line => line.Split('\t')).Select(fields => (fields[0], fields[1]));
}
