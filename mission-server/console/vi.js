// Tiếng Việt. The key of a text is the text in English.

export const vi = {
  // Pages and signing in.
  'Pages': 'Trang', 'Language': 'Ngôn ngữ', 'Missions': 'Nhiệm vụ', 'Packs': 'Gói', 'Playground': 'Thử quy tắc', 'Reviews': 'Duyệt',
  'Users': 'Người dùng', 'Analytics': 'Thống kê', 'Operations': 'Vận hành', 'Sign in': 'Đăng nhập', 'Sign out': 'Đăng xuất',
  'Token': 'Mã thông báo', 'Sign in as a developer': 'Đăng nhập để phát triển',
  'This is no token: it has three parts with dots between them.': 'Đây không phải mã thông báo: mã có ba phần, cách nhau bằng dấu chấm.',
  'This token has expired.': 'Mã thông báo này đã hết hạn.',

  // Tables, forms and dialogs.
  'Loading…': 'Đang tải…', 'A part of the page could not be loaded.': 'Không tải được một phần của trang.', 'More': 'Thêm', 'All': 'Tất cả', 'Find': 'Tìm', 'Cancel': 'Hủy', 'Close': 'Đóng', 'Confirm': 'Xác nhận', 'Action': 'Thao tác',
  'Name': 'Tên', 'Value': 'Giá trị', 'Values': 'Giá trị', 'Type': 'Loại', 'Status': 'Trạng thái', 'State': 'Trạng thái', 'Time': 'Thời điểm',
  'Since': 'Từ lúc', 'Detail': 'Chi tiết', 'Code': 'Mã', 'Title': 'Tên', 'Note': 'Ghi chú', 'Reason': 'Lý do', 'Reasons': 'Lý do', 'By': 'Bởi',
  'User': 'Người dùng', 'Mission': 'Nhiệm vụ', 'Pack': 'Gói', 'Points': 'Điểm', 'Version': 'Phiên bản', 'Attempts': 'Số lần thử',
  'Message': 'Nội dung', 'Data': 'Dữ liệu', 'File': 'Tệp', 'Files': 'Tệp', 'Line': 'Dòng', 'Total': 'Tổng', 'Nothing waits.': 'Không có gì đang chờ.',

  // Missions.
  'Category': 'Danh mục', 'Window': 'Thời gian', 'Priority': 'Ưu tiên', 'Frequency': 'Tần suất', 'Reward': 'Phần thưởng', 'Budget': 'Ngân sách',
  'Rule failures': 'Lỗi quy tắc', 'Rule failures, last hour': 'Lỗi quy tắc trong giờ qua', 'Started, completed, claimed': 'Bắt đầu, hoàn thành, nhận',
  'Open tasks': 'Việc đang làm', 'Health': 'Tình trạng', 'Changes': 'Thay đổi', 'Versions of its pack': 'Các phiên bản của gói',
  'Activate': 'Kích hoạt', 'Pause': 'Tạm dừng', 'Archive': 'Lưu trữ', 'Definition': 'Định nghĩa', 'Script': 'Kịch bản',
  'Users can start it from then on.': 'Từ lúc đó người dùng có thể bắt đầu.',
  'Nobody can start it or go on with it until it is activated again. Running tasks stay as they are.':
    'Không ai bắt đầu hay làm tiếp được cho đến khi kích hoạt lại. Việc đang làm giữ nguyên.',
  'Nobody can start it or go on with it again, ever. What is completed can still be claimed.':
    'Không ai bắt đầu hay làm tiếp được nữa. Phần đã hoàn thành vẫn nhận được thưởng.',
  'Funnel, last 30 days': 'Phễu, 30 ngày qua', 'Evidence refused': 'Bằng chứng bị từ chối',
  'shadow': 'chạy thử', 'What it would have granted': 'Phần thưởng nếu áp dụng thật', 'Completed both': 'Hoàn thành cả hai',
  'The shadow mission only': 'Chỉ nhiệm vụ chạy thử', 'The other only': 'Chỉ nhiệm vụ kia', 'Largest differences': 'Chênh lệch lớn nhất',
  'Difference': 'Chênh lệch', 'Would have': 'Lẽ ra có', 'Has': 'Đang có',
  'started': 'đã bắt đầu', 'check-ins': 'điểm danh', 'completed': 'đã hoàn thành', 'claims': 'đã nhận', 'points': 'điểm',

  // Packs.
  'Versions': 'Các phiên bản', 'in force': 'đang dùng', 'Roll back': 'Quay lại', 'What changed': 'Khác biệt', 'Its cases do not pass': 'Các ca kiểm thử không đạt',
  'The files of this version are put in place again, as a version of its own, if their cases pass. Missions that it does not hold are archived.':
    'Các tệp của phiên bản này được áp dụng lại thành một phiên bản mới, nếu các ca kiểm thử đạt. Nhiệm vụ không có trong đó sẽ được lưu trữ.',

  // Playground.
  'Context': 'Ngữ cảnh', 'Hook': 'Hàm', 'Run': 'Chạy', 'Trace': 'Dấu vết', 'Findings': 'Phát hiện', 'Severity': 'Mức độ', 'Take': 'Dùng', 'Load': 'Tải',
  'Events of user': 'Sự kiện của người dùng', 'Cases of the pack': 'Ca kiểm thử của gói', 'Run the cases': 'Chạy các ca', 'Case': 'Ca',
  'Expected, found': 'Mong đợi, kết quả', 'passed': 'đạt',
  'They run with the script as it is in the editor; nothing is put in place.': 'Chạy với kịch bản đang soạn; không áp dụng gì cả.',

  // Reviews.
  'Approve': 'Chấp thuận', 'Reject': 'Từ chối', 'What waits goes through, once.': 'Phần đang chờ được thực hiện, một lần.',
  'What waits earns nothing.': 'Phần đang chờ không được thưởng.', 'Upload': 'Tệp tải lên', 'Evidence': 'Bằng chứng', 'Device': 'Thiết bị',
  'Earlier reviews': 'Các lần duyệt trước', 'Rewards': 'Phần thưởng', 'Ban the user': 'Cấm người dùng', 'Banned since': 'Bị cấm từ', 'Lift the ban': 'Gỡ cấm', 'Rules no longer see the tag.': 'Quy tắc không còn thấy nhãn này.',
  'Assigned to': 'Giao cho', 'until': 'đến', 'Take it on': 'Nhận duyệt', 'Until it lapses nobody else decides it.': 'Trước khi hết hạn, không ai khác quyết định được.',
  'Release': 'Trả lại', 'Others can take it on again.': 'Người khác có thể nhận lại.', 'Me': 'Tôi', 'Nobody': 'Chưa ai',

  // Rings.
  'Rings': 'Nhóm gian lận', 'Ring': 'Nhóm', 'Accounts': 'Tài khoản', 'Score': 'Điểm số', 'Found': 'Phát hiện', 'Invited by': 'Người mời',
  'Hold': 'Tạm giữ', 'Dismiss': 'Bỏ qua', 'What was decided is being done.': 'Quyết định đang được thực hiện.',
  'What its members earn and claim waits for a reviewer.': 'Phần thưởng mà thành viên đạt và nhận phải chờ người duyệt.',
  'All that its members have earned since the first evidence is taken back.': 'Mọi phần thưởng của thành viên từ bằng chứng đầu tiên bị thu hồi.',
  'It is no ring. Who was held for it is let go.': 'Không phải nhóm gian lận. Ai đang bị giữ sẽ được thả.',

  // Users.
  'User id or invite code': 'Mã người dùng hoặc mã mời', 'Nobody has this id or invite code.': 'Không ai có mã này.', 'Level': 'Cấp', 'XP': 'XP',
  'Wallet': 'Ví', 'Zone': 'Múi giờ', 'Country': 'Quốc gia', 'Tags': 'Nhãn', 'Badges': 'Huy hiệu', 'Invite code': 'Mã mời', 'First seen': 'Thấy lần đầu',
  'Last seen': 'Thấy lần cuối', 'Other users': 'Người khác dùng', 'Devices': 'Thiết bị', 'Tasks': 'Việc', 'Progress': 'Tiến độ', 'Period': 'Kỳ',
  'Started': 'Bắt đầu', 'Earned': 'Đạt lúc', 'Revoke': 'Thu hồi', 'Ledger': 'Sổ cái', 'Badge': 'Huy hiệu',
  'Grant by hand': 'Cấp thưởng thủ công', 'Grant': 'Cấp', 'It is granted.': 'Đã cấp.',
  'It waits for the approval of another operator.': 'Đang chờ một người vận hành khác chấp thuận.',
  'Its points, experience and badge are taken back, with a reversing entry in the wallet.':
    'Điểm, kinh nghiệm và huy hiệu bị thu lại, với bút toán đảo trong ví.',
  'Calendar': 'Lịch', 'Month': 'Tháng', 'Streak': 'Chuỗi ngày', 'Longest': 'Dài nhất', 'Freezes': 'Lượt giữ chuỗi',
  'Why not?': 'Vì sao không?', 'Explain': 'Giải thích', 'Holds': 'Đúng', 'Condition': 'Điều kiện', 'Seen': 'Đã thấy',

  // Analytics.
  'From': 'Từ', 'To': 'Đến', 'Step': 'Bước', 'Compared': 'So sánh', 'Streaks': 'Chuỗi ngày', 'Length': 'Độ dài', 'Check-ins': 'Điểm danh',
  'Back the next day': 'Trở lại hôm sau', 'Part': 'Tỷ lệ', 'days': 'ngày', 'No day is over yet.': 'Chưa có ngày nào kết thúc.',

  // Operations.
  'Dependencies': 'Phụ thuộc', 'Milliseconds': 'Mili giây', 'Outbox': 'Hộp gửi', 'Oldest, seconds': 'Cũ nhất, giây', 'Parked': 'Bị giữ lại',
  'Inbound': 'Hộp nhận', 'Look again': 'Xem lại', 'Live': 'Trực tiếp', 'Parked events': 'Sự kiện bị giữ lại', 'Retry': 'Thử lại',
  'It is tried again at once.': 'Thử lại ngay.', 'Dead letters': 'Thư chết', 'Routing key': 'Khóa định tuyến', 'Died': 'Chết lúc',
  'Requeue': 'Đưa lại hàng đợi', 'It goes back into the queue, to be taken again.': 'Trở lại hàng đợi để xử lý lại.', 'Drop': 'Bỏ', 'It is gone then.': 'Sẽ mất hẳn.',
  'Webhooks': 'Webhook', 'Address': 'Địa chỉ', 'Events': 'Sự kiện', 'Enable': 'Bật', 'What waits for it is sent again.': 'Phần đang chờ được gửi lại.',
  'Delete': 'Xóa', 'It is told of nothing any more.': 'Không còn được báo gì nữa.',
  'Deliveries, rotation of secrets and new webhooks: see the API.': 'Lịch sử gửi, đổi khóa và webhook mới: xem API.',
  'Scripts that take longest': 'Kịch bản tốn thời gian nhất', 'No script has run yet.': 'Chưa có kịch bản nào chạy.', 'Runs': 'Cách chạy',
  'Evaluations': 'Số lần tính', 'Mean, µs': 'Trung bình, µs', 'Longest, µs': 'Lâu nhất, µs', 'compiled': 'đã biên dịch',
  'in the interpreter': 'trong trình thông dịch', 'On this server, since it began or the script was put in place.':
    'Trên máy chủ này, từ khi khởi động hoặc từ khi kịch bản được áp dụng.',
  'Audit': 'Nhật ký', 'Subject': 'Đối tượng', 'Configuration': 'Cấu hình', 'Origin': 'Nguồn', 'By default': 'Mặc định',
};
