using System.Text.RegularExpressions;

namespace MLNet.Gpt.Samples.MakeTasks;

/// <summary>
/// Makes questions from the chapters that a model does not learn from. The same chapters always give the same questions.
/// </summary>
/// <param name="learned">The chapters to learn from; only their words are used.</param>
/// <param name="heldOut">The chapters that the questions are about.</param>
internal sealed partial class TaskMaker(string[] learned, string[] heldOut)
{
    private const int QuestionCount = 200, FewestOccurrences = 3;

    private static readonly char[] Ends = ['.', '!', '?', ';'];

    private static readonly Dictionary<string, string> OtherForm = new()
    {
        ["was"] = "were", ["were"] = "was", ["is"] = "are", ["are"] = "is", ["has"] = "have", ["have"] = "has",
        ["does"] = "do", ["do"] = "does", ["a"] = "an", ["an"] = "a",
    };

    // Words that are one token, so that no choice is unlikely only because it is long.
    private readonly string[] _words =
    [
        .. learned.SelectMany(chapter => Words().Matches(chapter).Select(match => match.Value)).CountBy(word => word)
            .Where(word => word.Value >= FewestOccurrences && Gpt2Tokenizer.Instance.Encode(" " + word.Key).Length == 1)
            .Select(word => word.Key).Order(StringComparer.Ordinal),
    ];

    // Clauses and sentences of a paragraph, long enough to give a context.
    private readonly Passage[] _passages =
    [
        .. heldOut.SelectMany((chapter, i) => chapter.Split("\n\n").Skip(1)
            .SelectMany((paragraph, j) => PassagesOf(paragraph, $"{learned.Length + i + 1}.{j + 1}"))),
    ];

    /// <summary>Which of four words follows: multiple choice.</summary>
    public IReadOnlyList<TaskQuestion> Cloze()
    {
        var random = new Random(1);
        var known = _words.ToHashSet();
        var questions = new List<TaskQuestion>();
        foreach (var passage in _passages)
        {
            int[] places =
            [
                .. Enumerable.Range(0, passage.Words.Length).Skip(8)
                    .Where(i => known.Contains(passage.Words[i].TrimEnd(',', '.', ';'))),
            ];
            if (places.Length == 0) continue;
            int place = places[random.Next(places.Length)];
            string right = passage.Words[place].TrimEnd(',', '.', ';');
            var choices = new List<string> { right };
            while (choices.Count < 4)
            {
                string other = _words[random.Next(_words.Length)];
                if (!choices.Contains(other)) choices.Add(other);
            }

            string[] shuffled = [.. choices];
            random.Shuffle(shuffled);
            questions.Add(TaskQuestion.MultipleChoice(
                string.Join(' ', passage.Words[..place]), shuffled, Array.IndexOf(shuffled, right), passage.Name));
        }

        return Some(questions, random);
    }

    /// <summary>The last word of a passage, as in LAMBADA.</summary>
    public IReadOnlyList<TaskQuestion> LastWord()
    {
        var known = _words.ToHashSet();
        var questions = new List<TaskQuestion>();
        foreach (var passage in _passages)
        {
            string last = passage.Words[^1].TrimEnd(Ends);
            if (!known.Contains(last)) continue;
            questions.Add(TaskQuestion.Completion(string.Join(' ', passage.Words[..^1]), " " + last, passage.Name));
        }

        return Some(questions, new Random(2));
    }

    /// <summary>A passage, and the same with a verb or an article that does not agree: minimal pairs, as in BLiMP.</summary>
    public IReadOnlyList<TaskQuestion> Agreement()
    {
        var questions = new List<TaskQuestion>();
        foreach (var passage in _passages)
        {
            string text = string.Join(' ', passage.Words);
            foreach (var word in Agreements().Matches(text).Select(match => match.Groups["word"]))
            {
                string broken = text[..word.Index] + OtherForm[word.Value] + text[(word.Index + word.Length)..];
                questions.Add(TaskQuestion.MinimalPair(text, broken, $"{passage.Name}, {word.Index}"));
            }
        }

        return Some(questions, new Random(3));
    }

    // As many as are wanted, in the order of the book.
    private static List<TaskQuestion> Some(List<TaskQuestion> questions, Random random)
    {
        int[] order = [.. Enumerable.Range(0, questions.Count)];
        random.Shuffle(order);
        return [.. order.Take(QuestionCount).Order().Select(i => questions[i])];
    }

    private static IEnumerable<Passage> PassagesOf(string paragraph, string name)
    {
        string[] words = paragraph.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries);
        int start = 0, passage = 0;
        for (int i = 0; i < words.Length; i++)
        {
            if (!Ends.Contains(words[i][^1]) || i + 1 - start < 12) continue;
            passage++;
            if (i + 1 - start <= 45) yield return new($"{name}.{passage}", words[start..(i + 1)]);
            start = i + 1;
        }
    }

    [GeneratedRegex(@"\b[a-z]{4,}\b")]
    private static partial Regex Words();

    // A verb after a pronoun, and an article before a letter that is always a consonant or nearly always a vowel.
    [GeneratedRegex(
        @"\b(?:(?:he|she|it|He|She|It) (?<word>was|is|has|does)|(?:they|we|They|We|these|those) (?<word>were|are|have|do))\b"
        + @"|\b(?:(?<word>a) [bcdfgklmnprstvw]|(?<word>an) [aei])")]
    private static partial Regex Agreements();

    // The name consists of the numbers of the chapter, the paragraph and the passage.
    private sealed record Passage(string Name, string[] Words);
}
