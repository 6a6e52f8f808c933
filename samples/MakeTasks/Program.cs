using MLNet.Gpt;
using MLNet.Gpt.Samples.LossWalkthrough;
using MLNet.Gpt.Samples.MakeTasks;

// Makes the questions in samples/Data/tasks from the chapters of Moby-Dick that the walkthrough does not train on.
// Usage: MakeTasks [FOLDER]
if (args.Length > 1 || args is [['-', ..]])
{
    Console.Error.WriteLine("Usage: MakeTasks [FOLDER]");
    return 2;
}

string folder = args is [var given] ? given : Path.Combine("samples", "Data", "tasks");
Directory.CreateDirectory(folder);
string[] chapters = SampleText.ReadChapters();
var maker = new TaskMaker(chapters[..^SampleText.HeldOutChapters], chapters[^SampleText.HeldOutChapters..]);
Write("cloze.jsonl", maker.Cloze());
Write("last-word.jsonl", maker.LastWord());
Write("agreement.jsonl", maker.Agreement());
return 0;

void Write(string name, IReadOnlyList<TaskQuestion> questions)
{
    string path = Path.Combine(folder, name);
    TaskFile.Write(path, questions);
    Console.WriteLine($"{path}: {questions.Count} questions");
}
